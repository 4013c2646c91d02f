/** The app configuration. Loaded at run time, so that one build serves every environment. */
export type Config = {
  apiUrl: string;
  /** For how long a link to an image is valid. Unknown during development. */
  imageLinkSeconds: number | undefined;
};

let loaded: Config = { apiUrl: "", imageLinkSeconds: undefined };

/** Return the configuration that was loaded. */
export function config(): Config {
  return loaded;
}

/** Fetch `/config.json`. Throws an error with a readable message if it is missing or has no API URL. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-cache" });
  if (!response.ok) throw new Error("The app configuration is missing (/config.json).");
  const found: unknown = await response.json();
  if (typeof found !== "object" || found === null || !("apiUrl" in found) || typeof found.apiUrl !== "string")
    throw new Error("The app configuration has no API URL (apiUrl in /config.json).");
  const seconds = "imageLinkSeconds" in found ? Number(found.imageLinkSeconds) : undefined;
  loaded = { apiUrl: found.apiUrl.replace(/\/+$/, ""), imageLinkSeconds: seconds };
  return loaded;
}
