import "./styles/index.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";
import { keepAnswers } from "./api/answers";
import { configure } from "./api/client";
import { followDeletions } from "./api/deletions";
import { makeQueryClient } from "./api/queries";
import { ErrorPage } from "./app/ErrorPage";
import { makeRouter } from "./app/router";
import { registerServiceWorker } from "./app/serviceWorker";
import { loadConfig } from "./lib/config";
import { startSession, takeKeyFromUrl } from "./state/session";

const element = document.getElementById("root");
if (!element) throw new Error("The page has no root element.");
const root = createRoot(element);

// Before anything else can fail, and before the router sees the URL.
takeKeyFromUrl();
window.addEventListener("popstate", takeKeyFromUrl);

try {
  const config = await loadConfig();
  configure(config.apiUrl);
  await startSession(() => root.unmount());
  registerServiceWorker();
  const client = makeQueryClient();
  keepAnswers(client);
  followDeletions(client);
  root.render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={makeRouter()} />
      </QueryClientProvider>
    </StrictMode>,
  );
} catch (error) {
  root.render(<ErrorPage error={error} />);
}
