import { create } from "zustand";

/** `open`: changes are pushed. `closed`: they have to be asked for. */
export type LiveStatus = "closed" | "connecting" | "open";

/** A change of one request's status, as the socket says it. Numbered from 1 for each request. */
export type StatusChange = { requestId: string; status: string; sequence: number };

type LiveState = { status: LiveStatus };

const useLive = create<LiveState>(() => ({ status: "closed" }));

/** Whether changes are pushed at the moment. */
export function useLiveStatus(): LiveStatus {
  return useLive((state) => state.status);
}

/** What the socket needs of the world; tests give their own. */
export type LiveOptions = {
  /** Fetch a single-use address to connect to. Throws where there is none: then it is polling. */
  address(): Promise<string>;
  onChange(change: StatusChange): void;
  /** Something may have been missed: a number was skipped, or the connection is new. */
  onGap(requestId: string | null): void;
  connect?(url: string): WebSocket;
  random?(): number;
};

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;
const CONNECT_WITHIN = 8_000;
/** The gateway closes what is silent for ten minutes; a laptop that slept finds out by an answer that does not come. */
const PING_EVERY = 60_000;
const PONG_WITHIN = 10_000;

/**
 * Keep a socket open, with backoff, until the returned function is called. Nothing depends on it: while it is closed the
 * requests are read by polling.
 */
export function startLive(options: LiveOptions): () => void {
  const connect = options.connect ?? ((url) => new WebSocket(url));
  const random = options.random ?? Math.random;
  const sequences = new Map<string, number>();
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let stopped = false;

  const say = (status: LiveStatus) => useLive.setState({ status });

  function again(): void {
    if (stopped) return;
    say("closed");
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures) * (0.5 + random() / 2);
    failures += 1;
    clearTimeout(timer);
    timer = setTimeout(open, wait);
  }

  async function open(): Promise<void> {
    if (stopped) return;
    say("connecting");
    let url: string;
    try {
      url = await options.address();
    } catch {
      again();
      return;
    }
    if (stopped) return;
    const mine = connect(url);
    socket = mine;
    let patience = setTimeout(() => mine.close(), CONNECT_WITHIN);
    let pings: ReturnType<typeof setInterval> | undefined;
    mine.onopen = () => {
      clearTimeout(patience);
      failures = 0;
      say("open");
      options.onGap(null);
      pings = setInterval(() => {
        mine.send('{"type":"ping"}');
        patience = setTimeout(() => mine.close(), PONG_WITHIN);
      }, PING_EVERY);
    };
    mine.onmessage = ({ data }) => {
      clearTimeout(patience);
      hear(data);
    };
    mine.onclose = () => {
      clearTimeout(patience);
      clearInterval(pings);
      if (socket === mine) again();
    };
  }

  function hear(data: unknown): void {
    const change = changeIn(data);
    if (change === null) return;
    const last = sequences.get(change.requestId);
    if (last !== undefined && change.sequence <= last) return;
    sequences.set(change.requestId, change.sequence);
    if (last !== undefined && change.sequence > last + 1) options.onGap(change.requestId);
    options.onChange(change);
  }

  const wake = () => {
    failures = 0;
    if (useLive.getState().status === "closed") void open();
  };
  window.addEventListener("online", wake);
  void open();

  return () => {
    stopped = true;
    window.removeEventListener("online", wake);
    clearTimeout(timer);
    const open = socket;
    socket = null;
    open?.close();
    say("closed");
  };
}

/** Read a message. Whatever is not a change of status is somebody else's and ignored. */
export function changeIn(data: unknown): StatusChange | null {
  if (typeof data !== "string") return null;
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof message !== "object" || message === null) return null;
  const { type, data: about } = message as Record<string, unknown>;
  if (type !== "request.status_changed" || typeof about !== "object" || about === null) return null;
  const { request_id: requestId, status, sequence } = about as Record<string, unknown>;
  return typeof requestId === "string" && typeof status === "string" && typeof sequence === "number"
    ? { requestId, status, sequence }
    : null;
}
