import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseStatusChange, type StatusChange, startLiveUpdates } from "@/api/liveUpdates";
import { pollInterval } from "@/api/requests";

class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  sent: string[] = [];
  constructor(readonly url: string) {}
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.onclose?.();
  }
}

const pushed = (sequence: number, request_id = "one") =>
  JSON.stringify({
    type: "request.status_changed",
    id: "e",
    timestamp: "t",
    data: { request_id, status: "s", previous: "p", sequence },
  });

function started(fetchUrl: () => Promise<string> = async () => "ws://socket.test/live?ticket=x") {
  const sockets: FakeSocket[] = [];
  const changes: StatusChange[] = [];
  const gaps: (string | null)[] = [];
  const stop = startLiveUpdates({
    fetchUrl,
    onChange: (change) => changes.push(change),
    onGap: (id) => gaps.push(id),
    connect: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    random: () => 1,
  });
  return { sockets, changes, gaps, stop };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(0);

test("a new connection reports a possible gap", async () => {
  const { sockets, gaps, stop } = started();
  await settle();
  sockets[0]?.onopen?.();
  expect(gaps).toEqual([null]);
  stop();
});

test("a skipped number is a gap, a repeated number is ignored", async () => {
  const { sockets, changes, gaps, stop } = started();
  await settle();
  for (const sequence of [1, 2, 2, 1, 4]) sockets[0]?.onmessage?.({ data: pushed(sequence) });
  expect(changes.map(({ sequence }) => sequence)).toEqual([1, 2, 4]);
  expect(gaps).toEqual(["one"]);
  stop();
});

test("a closed socket reconnects with a new ticket and growing backoff", async () => {
  const fetchUrl = vi.fn(async () => "ws://socket.test/live");
  const { sockets, stop } = started(fetchUrl);
  await settle();
  sockets[0]?.close();
  await vi.advanceTimersByTimeAsync(999);
  expect(sockets).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(sockets).toHaveLength(2);
  sockets[1]?.close();
  await vi.advanceTimersByTimeAsync(1999);
  expect(sockets).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(sockets).toHaveLength(3);
  expect(fetchUrl).toHaveBeenCalledTimes(3);
  stop();
});

test("without tickets, connecting is retried", async () => {
  const fetchUrl = vi.fn(async () => {
    throw new Error("503");
  });
  const { sockets, stop } = started(fetchUrl);
  await vi.advanceTimersByTimeAsync(7_000);
  expect(sockets).toEqual([]);
  expect(fetchUrl.mock.calls.length).toBeGreaterThan(2);
  stop();
});

test("a socket without a pong is replaced", async () => {
  const { sockets, stop } = started();
  await settle();
  sockets[0]?.onopen?.();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets[0]?.sent).toEqual(['{"type":"ping"}']);
  await vi.advanceTimersByTimeAsync(10_000 + 1_000);
  expect(sockets).toHaveLength(2);
  stop();
});

test("after a stop, no socket is opened", async () => {
  const { sockets, stop } = started();
  await settle();
  stop();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(sockets).toHaveLength(1);
});

test.each([
  ["not json"],
  ["null"],
  ['{"type":"pong"}'],
  ['{"type":"request.status_changed","data":{"request_id":1}}'],
  [pushed(1).replace("1}", '"1"}')],
])("a message that is not a status change is ignored: %s", (text) => expect(parseStatusChange(text)).toBeNull());

test("polling is slow while changes are pushed, otherwise it slows down gradually", () => {
  expect(pollInterval("generating", 3, true)).toBe(15_000);
  expect(pollInterval("generating", 1, false)).toBe(700);
  expect(pollInterval("generating", 30, false)).toBe(6_000);
  expect(pollInterval("stalled", 60, false)).toBe(30_000);
  expect(pollInterval("succeeded", 1, false)).toBe(false);
});
