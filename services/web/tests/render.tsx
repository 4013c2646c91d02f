import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import axe from "axe-core";
import { createMemoryRouter, type RouteObject, RouterProvider } from "react-router";
import { expect } from "vitest";
import { makeQueryClient } from "@/api/queries";

/** Render pages at an address. Failing calls are not tried again, so that a test need not wait for it. */
export function renderAt(path: string, routes: RouteObject[]): { client: QueryClient; container: HTMLElement } {
  const client = makeQueryClient();
  client.setDefaultOptions({ queries: { retry: false }, mutations: { retry: false } });
  const router = createMemoryRouter(routes, { initialEntries: [path] });
  const { container } = render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return { client, container };
}

/** Let axe look at what is rendered. Colours and regions need a browser and a whole page: the browser tests look at those. */
export async function expectAccessible(container: HTMLElement): Promise<void> {
  const { violations } = await axe.run(container, {
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
