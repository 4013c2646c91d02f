import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import axe from "axe-core";
import { createMemoryRouter, type RouteObject, RouterProvider } from "react-router";
import { expect } from "vitest";
import { makeQueryClient } from "@/api/queries";

/** Render routes at a path, without retries of failed calls, so that tests need not wait for them. */
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

/** Check with axe. Contrast and regions need a real browser and a whole page: the browser tests check those. */
export async function expectAccessible(container: HTMLElement): Promise<void> {
  const { violations } = await axe.run(container, {
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
