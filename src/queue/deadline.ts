/**
 * A signal that ends one delivery: when its time is over, or when the replica stops. AbortSignal.any and .timeout would do
 * it too, but leave a timer and a record behind for each delivery long after it is over.
 */

export interface Deadline {
  /** Its reason is a TimeoutError when the time is over, else that of `stop`. */
  readonly signal: AbortSignal;
  /** Ends it without a trace. */
  clear(): void;
}

export function startDeadline(ms: number, stop: AbortSignal): Deadline {
  const controller = new AbortController();
  const onStop = (): void => controller.abort(stop.reason);
  const timer = setTimeout(() => controller.abort(new DOMException('no answer in time', 'TimeoutError')), ms);
  if (stop.aborted) onStop();
  else stop.addEventListener('abort', onStop, { once: true });
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      stop.removeEventListener('abort', onStop);
    },
  };
}
