import { createApiReference } from "@scalar/api-reference";
import "@scalar/api-reference/style.css";

/** Show an OpenAPI or AsyncAPI document, with a form to try each operation of the former. */
export function showDescription(element: HTMLElement, url: string): void {
  const { theme } = document.documentElement.dataset;
  new MutationObserver(correctRoles).observe(document.body, { childList: true, subtree: true });
  createApiReference(element, {
    url,
    // The page sends nothing to anyone but the API: no telemetry, no proxy, no fonts of others, no AI.
    telemetry: false,
    withDefaultFonts: false,
    agent: { disabled: true },
    mcp: { disabled: true },
    hideClientButton: true,
    showDeveloperTools: "never",
    // A key is used until the page is closed, and stored nowhere.
    persistAuth: false,
    authentication: { preferredSecurityScheme: "api_key" },
    documentDownloadType: "direct",
    hideModels: true,
    theme: "none",
    hideDarkModeToggle: true, // the app's settings have it
    ...(theme === "light" || theme === "dark" ? { forceDarkModeState: theme } : {}),
  });
}

/** Correct what the library gets wrong for screen readers: fields are no comboboxes, and a name contains the visible text. */
function correctRoles(): void {
  for (const field of document.querySelectorAll("[contenteditable][role=combobox]:not([aria-expanded])"))
    field.setAttribute("role", "textbox");
  for (const button of document.querySelectorAll("[data-testid=response-variant-picker][aria-label]"))
    button.removeAttribute("aria-label");
}
