import { Marked, type Tokens } from "marked";

/** Show a Markdown document of this repository. `pages` are the links to the documents that are published. */
export async function showMarkdown(element: HTMLElement, url: string, pages: HTMLAnchorElement[]): Promise<void> {
  const response = await fetch(url, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const main = document.createElement("main");
  main.className = "document";
  main.innerHTML = await reader(pages).parse(await response.text());
  for (const table of main.querySelectorAll("pre, table")) table.setAttribute("tabindex", "0"); // they scroll sideways
  element.replaceChildren(main);
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

function reader(pages: HTMLAnchorElement[]): Marked {
  const published = new Map(pages.map((page) => [page.dataset.document, page.pathname]));
  return new Marked({
    renderer: {
      /** Return a heading with the id that links on GitHub use. */
      heading({ depth, text, tokens }: Tokens.Heading): string {
        const id = text
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, "")
          .replaceAll(" ", "-");
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>`;
      },
      /** Return a link. Files of the repository that are not published become text. */
      link({ href, tokens }: Tokens.Link): string {
        const text = this.parser.parseInline(tokens);
        const target = /^(https?:|#)/.test(href) ? href : published.get(href.replace(/#.*$/, "").replace(/^.*\//, ""));
        return target === undefined ? text : `<a href="${target}">${text}</a>`;
      },
    },
  });
}
