import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Connect, Plugin } from "vite";
import { VitePWA } from "vite-plugin-pwa";
import { defineConfig } from "vitest/config";

const CLIENT = fileURLToPath(new URL("../../clients/typescript/src", import.meta.url));

/** The part of the content security policy that is known here. The hosts of the API, socket and images are known only at deployment: the CDN's header names them. */
const POLICY = [
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "child-src 'none'",
  "media-src 'none'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Add the policy to the built page only: Vite's development client needs inline scripts. */
function contentSecurityPolicy(): Plugin {
  return {
    name: "content-security-policy",
    apply: "build",
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: POLICY },
        injectTo: "head-prepend",
      },
    ],
  };
}

/** During development, use the API of GENAI_IMAGES_API_URL, or of the stack started by `make run`, and serve the reference. */
function localStack(): Plugin {
  const repository = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const apiUrl = () => process.env.GENAI_IMAGES_API_URL || JSON.parse(repository(".local/state.json")).api_url;
  const sendJson = (response: ServerResponse, content: unknown) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(content));
  };
  const serve: Connect.NextHandleFunction = (request, response, next) => {
    try {
      const [path = ""] = (request.url ?? "").split("?");
      const document = /^\/reference\/(\w+\.(?:json|md))$/.exec(path)?.[1];
      if (path === "/config.json") return sendJson(response, { apiUrl: apiUrl() });
      if (document === "openapi.json")
        return sendJson(response, { ...JSON.parse(repository("docs/openapi.json")), servers: [{ url: apiUrl() }] });
      if (document) return response.end(repository(document === "CHANGELOG.md" ? document : `docs/${document}`));
      if (/^\/reference(\/\w*)?$/.test(path)) request.url = "/reference/index.html";
    } catch {
      // There is no stack or no such document.
    }
    next();
  };
  return {
    name: "local-stack",
    configureServer: (server) => void server.middlewares.use(serve),
    configurePreviewServer: (server) => void server.middlewares.use(serve),
  };
}

export default defineConfig({
  plugins: [
    localStack(),
    react(),
    tailwindcss(),
    contentSecurityPolicy(),
    VitePWA({
      strategies: "injectManifest",
      srcDir: "src/worker",
      filename: "sw.ts",
      injectRegister: false,
      injectManifest: {
        globPatterns: ["**/*.{js,css,html,svg,png,webmanifest}", "assets/*latin-*.woff2"],
        globIgnores: ["**/*-{latin-ext,cyrillic,greek,vietnamese}*.woff2", "sw.js"],
      },
      manifest: {
        name: "GenAI Image Generator",
        short_name: "Images",
        description: "Describe an image and follow every step: generated, checked, stored.",
        start_url: "/",
        display: "standalone",
        background_color: "#141416",
        theme_color: "#141416",
        icons: [
          { src: "/icon-192.png", sizes: "192x192", type: "image/png" },
          { src: "/icon-512.png", sizes: "512x512", type: "image/png" },
          { src: "/icon-maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
        ],
      },
    }),
  ],
  resolve: {
    alias: {
      "@": fileURLToPath(new URL("./src", import.meta.url)),
      // From its sources, so that the app needs no build of it.
      "genai-images-client": `${CLIENT}/index.ts`,
    },
  },
  server: { fs: { allow: [".", CLIENT] } },
  build: { target: ["chrome123", "firefox120", "safari17.5"], assetsInlineLimit: 0, manifest: true },
  test: {
    environment: "jsdom",
    setupFiles: ["tests/setup.ts"],
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    testTimeout: 15_000,
  },
});
