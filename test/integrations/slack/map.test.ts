import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildSlackMessage, type Block } from '../../../src/integrations/slack/map.js';
import { escapeText } from '../../../src/integrations/slack/text.js';
import { renderNotification } from '../../../src/notify/message.js';
import { CASES } from '../../notify/golden-cases.js';
import { expectGolden } from '../../notify/golden.js';
import { sampleNotification } from '../delivery.js';

const SETTINGS = { externalUrl: 'https://tocsin.example' };

describe('buildSlackMessage', () => {
  it.each(CASES)('maps $name', ({ name, effect, incident }) => {
    const notification = renderNotification(effect, incident, SETTINGS);
    const thread = notification.triggerRef?.['ts'];
    const target = { channel: '#incidents', mayRepeat: false, ...(thread !== undefined && { thread }) };
    expectGolden(`${name}.slack`, buildSlackMessage(notification, target));
  });

  it('marks a message that may repeat, where people look first', () => {
    const message = buildSlackMessage(sampleNotification(), { channel: 'C1', mayRepeat: true });
    expect(message.text).toMatch(/^\(may repeat\) /);
    expect(JSON.stringify(message.attachments[0]?.blocks[0])).toContain('(may repeat) INCIDENT');
  });

  it('keeps the limits of blocks whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('&', '<', '>', '@here ', 'a', '😀'), maxLength: 2_000 }),
        (text) => {
          const notification = sampleNotification({
            headline: text,
            title: text,
            rule: text,
            hint: text,
            runbook: text,
            reason: text,
            service: text,
            alertNames: { [text]: 2 },
          });
          const message = buildSlackMessage(notification, { channel: 'C1', mayRepeat: true });
          const blocks = message.attachments[0]?.blocks ?? [];
          expect(blocks.length).toBeLessThanOrEqual(50);
          for (const [limit, texts] of blocks.flatMap(limitsOf)) {
            for (const each of texts) {
              expect(each.length).toBeLessThanOrEqual(limit);
              expect(each.length).toBeGreaterThan(0);
            }
          }
          const total = blocks.flatMap(limitsOf).flatMap(([, texts]) => texts);
          expect(total.join('').length + message.text.length).toBeLessThan(12_000);
          expect(JSON.stringify(message)).not.toMatch(/<!|@here/);
        },
      ),
    );
  });
});

function limitsOf(block: Block): [number, string[]][] {
  if (block.type === 'header') return [[150, [block.text.text]]];
  if (block.type === 'context') return [[2_000, block.elements.map(({ text }) => text)]];
  if (block.type === 'actions') return [[75, block.elements.map(({ text }) => text.text)]];
  if ('fields' in block) {
    expect(block.fields.length).toBeLessThanOrEqual(10);
    return [[2_000, block.fields.map(({ text }) => text)]];
  }
  return [[3_000, [block.text.text]]];
}

describe('escapeText', () => {
  it.each([
    ['a < b & c > d', 100, 'a &lt; b &amp; c &gt; d'],
    ['<!channel>', 100, '&lt;!channel&gt;'],
    ['@here @channel @everyone @hereby', 100, '@\u200bhere @\u200bchannel @\u200beveryone @hereby'],
    ['abcdef', 5, 'abcd…'],
    ['abcde', 5, 'abcde'],
    ['<<<<', 10, '&lt;&lt;…'],
    ['😀😀😀', 5, '😀😀…'],
    ['', 5, ''],
  ])('%j in %d units becomes %j', (text, max, expected) => {
    expect(escapeText(text, max)).toBe(expected);
  });
});
