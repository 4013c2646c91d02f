import { createBrowserRouter } from "react-router";
import { Home } from "@/features/home/Home";
import { RouteErrorPage } from "./ErrorPage";
import { NotFound } from "./NotFound";
import { Shell } from "./Shell";

/** All pages except the home page are loaded on demand. */
export function makeRouter() {
  return createBrowserRouter([
    {
      element: <Shell />,
      errorElement: <RouteErrorPage />,
      hydrateFallbackElement: <div className="min-h-dvh" />,
      children: [
        { index: true, element: <Home /> },
        {
          path: "create",
          lazy: async () => ({ Component: (await import("@/features/generator/Generator")).Generator }),
        },
        {
          path: "gallery",
          lazy: async () => ({ Component: (await import("@/features/gallery/Gallery")).Gallery }),
          children: [
            {
              path: ":imageId",
              lazy: async () => ({ Component: (await import("@/features/gallery/ImageDetail")).ImageDetail }),
            },
          ],
        },
        {
          path: "dashboard",
          lazy: async () => ({ Component: (await import("@/features/dashboard/Dashboard")).Dashboard }),
        },
        {
          path: "operations",
          lazy: async () => ({ Component: (await import("@/features/operations/Operations")).Operations }),
        },
        { path: "models", lazy: async () => ({ Component: (await import("@/features/models/Models")).Models }) },
        { path: "verify", lazy: async () => ({ Component: (await import("@/features/verify/Verify")).Verify }) },
        { path: "about", lazy: async () => ({ Component: (await import("@/features/about/About")).About }) },
        {
          path: "settings",
          lazy: async () => ({ Component: (await import("@/features/settings/Settings")).Settings }),
        },
        {
          path: "erasure",
          lazy: async () => ({ Component: (await import("@/features/erasure/Erasure")).Erasure }),
        },
        { path: "*", element: <NotFound /> },
      ],
    },
  ]);
}
