import { createBrowserRouter } from "react-router";
import { Home } from "@/features/home/Home";
import { BrokenRoute } from "./Broken";
import { NotFound } from "./NotFound";
import { Shell } from "./Shell";

/** Every page but the first is loaded when it is asked for. */
export function makeRouter() {
  return createBrowserRouter([
    {
      element: <Shell />,
      errorElement: <BrokenRoute />,
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
            { path: ":imageId", lazy: async () => ({ Component: (await import("@/features/gallery/Detail")).Detail }) },
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
        { path: "about", lazy: async () => ({ Component: (await import("@/features/about/About")).About }) },
        {
          path: "settings",
          lazy: async () => ({ Component: (await import("@/features/settings/Settings")).Settings }),
        },
        { path: "*", element: <NotFound /> },
      ],
    },
  ]);
}
