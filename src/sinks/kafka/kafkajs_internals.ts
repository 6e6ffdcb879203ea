// What kafkajs 2.2 does not export and must be mended, here and nowhere else.

interface RequestQueue {
  throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

let mended = false;

/** Its queue of requests sets a timer of less than zero milliseconds, of which Node's timers warn on stderr. */
export async function mendTimers(): Promise<void> {
  const { default: queue } = await import("kafkajs/src/network/requestQueue/index.js");
  if (mended) return;
  mended = true;
  const prototype = (queue as { prototype: RequestQueue }).prototype;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function () {
    const { throttledUntil } = this;
    this.throttledUntil = Math.max(throttledUntil, Date.now() + 5);
    schedule.call(this);
    this.throttledUntil = throttledUntil;
  };
}
