import { say } from "@/state/toasts";

/** Register the service worker, and offer a new version when there is one instead of taking it in the middle of something. */
export function startOffline(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  let asked = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (asked) location.reload();
  });
  const offer = (worker: ServiceWorker) =>
    say("A new version is ready.", {
      lasts: 60_000,
      action: {
        label: "Load it",
        run: () => {
          asked = true;
          worker.postMessage("take-over");
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
  // Where it may not be registered, the app works as well, with a connection.
  navigator.serviceWorker.register("/sw.js").then(watch, () => undefined);
}

/** Delete what was kept for reading offline: it belonged to the key that is gone. */
export async function forgetWhatWasSeen(): Promise<void> {
  if (!("caches" in window)) return;
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("seen-")).map((name) => caches.delete(name)));
}
