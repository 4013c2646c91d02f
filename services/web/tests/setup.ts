import "@testing-library/jest-dom/vitest";
import { cleanup } from "@testing-library/react";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { configure } from "@/api/client";
import { DEFAULTS, useBrowserSettings } from "@/state/browserSettings";
import { useDraft } from "@/state/draft";
import { useSession } from "@/state/session";
import { useToasts } from "@/state/toasts";
import { API, server } from "./server";

// Stubs for APIs that jsdom lacks. The browser tests cover canvas and modal dialogs.
HTMLCanvasElement.prototype.getContext = () => null;
HTMLDialogElement.prototype.showModal = function showModal() {
  this.open = true;
};
HTMLDialogElement.prototype.close = function close() {
  this.open = false;
};
Element.prototype.scrollIntoView = () => undefined;
window.scrollTo = () => undefined;
window.matchMedia = (query: string) =>
  ({ matches: true, media: query, addEventListener() {}, removeEventListener() {} }) as unknown as MediaQueryList;

beforeAll(() => {
  server.listen({ onUnhandledRequest: "error" });
  configure(API);
});
beforeEach(() => {
  useSession.setState({ key: "gik_test_key_0123456789", operatorKey: null, remembered: false, linkKey: null });
  useBrowserSettings.setState(DEFAULTS);
  useDraft.getState().reset();
  useToasts.setState({ toasts: [] });
});
afterEach(() => {
  cleanup();
  server.resetHandlers();
  sessionStorage.clear();
});
afterAll(() => server.close());
