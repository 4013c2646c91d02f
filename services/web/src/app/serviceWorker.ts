import { showToast } from "@/state/toasts";

/** Register the service worker. Offers a new version instead of reloading the page unasked. */
export function registerServiceWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  let accepted = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (accepted) location.reload();
  });
  const offer = (worker: ServiceWorker) =>
    showToast("A new version is available.", {
      durationMs: 60_000,
      action: {
        label: "Reload",
        run: () => {
          accepted = true;
          worker.postMessage("skip-waiting");
        },
      },
    });
  const watch = (registration: ServiceWorkerRegistration) => {
    if (registration.waiting && navigator.serviceWorker.controller) offer(registration.waiting);
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      worker?.addEventListener("statechange", () => {
        if (worker.state === "installed" && navigator.serviceWorker.controller) offer(worker);
      });
    });
  };
  window.addEventListener("pagehide", () => navigator.serviceWorker.controller?.postMessage("page-closed"));
  // Registration may be blocked. The app then works online only.
  navigator.serviceWorker.register("/sw.js").then(watch, () => undefined);
}
