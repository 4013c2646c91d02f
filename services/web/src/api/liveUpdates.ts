import { create } from "zustand";

/** `open`: the server pushes changes. `closed`: the app polls for them. */
export type LiveStatus = "closed" | "connecting" | "open";

/** A status change of one request, as pushed over the socket. Sequence numbers start at 1 for each request. */
export type StatusChange = { requestId: string; status: string; sequence: number };

type LiveState = { status: LiveStatus };

const useLive = create<LiveState>(() => ({ status: "closed" }));

/** Return the state of the live connection. */
export function useLiveStatus(): LiveStatus {
  return useLive((state) => state.status);
}

/** The dependencies of the live connection; tests replace them. */
export type LiveOptions = {
  /** Fetch the single-use URL to connect to. If it throws, the app keeps polling. */
  fetchUrl(): Promise<string>;
  onChange(change: StatusChange): void;
  /** Changes may have been missed: a sequence number was skipped, or the connection is new (`null`). */
  onGap(requestId: string | null): void;
  connect?(url: string): WebSocket;
  random?(): number;
};

const FIRST_BACKOFF = 1_000;
const MAX_BACKOFF = 60_000;
const CONNECT_TIMEOUT = 8_000;
/** API Gateway closes a connection that is idle for ten minutes. A missing pong also reveals a laptop that was asleep. */
const PING_INTERVAL = 60_000;
const PONG_TIMEOUT = 10_000;

/**
 * Keep a WebSocket open, reconnecting with exponential backoff, until the returned function is called. The socket is an
 * optimisation: while it is closed, requests are polled.
 */
export function startLiveUpdates(options: LiveOptions): () => void {
  const connect = options.connect ?? ((url) => new WebSocket(url));
  const random = options.random ?? Math.random;
  const sequences = new Map<string, number>();
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let stopped = false;

  const setStatus = (status: LiveStatus) => useLive.setState({ status });

  function reconnect(): void {
    if (stopped) return;
    setStatus("closed");
    const backoff = Math.min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** failures) * (0.5 + random() / 2);
    failures += 1;
    clearTimeout(timer);
    timer = setTimeout(open, backoff);
  }

  async function open(): Promise<void> {
    if (stopped) return;
    setStatus("connecting");
    let url: string;
    try {
      url = await options.fetchUrl();
    } catch {
      reconnect();
      return;
    }
    if (stopped) return;
    const current = connect(url);
    socket = current;
    let timeout = setTimeout(() => current.close(), CONNECT_TIMEOUT);
    let pingTimer: ReturnType<typeof setInterval> | undefined;
    current.onopen = () => {
      clearTimeout(timeout);
      failures = 0;
      setStatus("open");
      options.onGap(null);
      pingTimer = setInterval(() => {
        current.send('{"type":"ping"}');
        timeout = setTimeout(() => current.close(), PONG_TIMEOUT);
      }, PING_INTERVAL);
    };
    current.onmessage = ({ data }) => {
      clearTimeout(timeout);
      handleMessage(data);
    };
    current.onclose = () => {
      clearTimeout(timeout);
      clearInterval(pingTimer);
      if (socket === current) reconnect();
    };
  }

  function handleMessage(data: unknown): void {
    const change = parseStatusChange(data);
    if (change === null) return;
    const last = sequences.get(change.requestId);
    if (last !== undefined && change.sequence <= last) return;
    sequences.set(change.requestId, change.sequence);
    if (last !== undefined && change.sequence > last + 1) options.onGap(change.requestId);
    options.onChange(change);
  }

  const reconnectNow = () => {
    failures = 0;
    if (useLive.getState().status === "closed") void open();
  };
  window.addEventListener("online", reconnectNow);
  void open();

  return () => {
    stopped = true;
    window.removeEventListener("online", reconnectNow);
    clearTimeout(timer);
    const last = socket;
    socket = null;
    last?.close();
    setStatus("closed");
  };
}

/** Parse a message. Returns null for every message that is not a status change. */
export function parseStatusChange(data: unknown): StatusChange | null {
  if (typeof data !== "string") return null;
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof message !== "object" || message === null) return null;
  const { type, data: payload } = message as Record<string, unknown>;
  if (type !== "request.status_changed" || typeof payload !== "object" || payload === null) return null;
  const { request_id: requestId, status, sequence } = payload as Record<string, unknown>;
  return typeof requestId === "string" && typeof status === "string" && typeof sequence === "number"
    ? { requestId, status, sequence }
    : null;
}
