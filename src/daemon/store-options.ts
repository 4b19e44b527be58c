/** How the configuration describes the store; the address is found elsewhere (the embedded server has its own). */
import type { Config } from '../config/load.js';
import type { StoreOptions } from '../store/store.js';

export function storeOptionsOf(config: Config, redisUrl: string): StoreOptions {
  return {
    url: redisUrl,
    prefix: config.redis.prefix,
    partitions: config.partitions.count,
    durability: config.redis.durability,
  };
}
