import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/bricolage-grotesque/wght.css";
import "./style.css";

/** The folder of this page and its documents. */
const FOLDER = "/reference/";

const content = document.querySelector<HTMLElement>("#content");
const links = [...document.querySelectorAll<HTMLAnchorElement>("nav a")];
const [first] = links;
if (!content || !first) throw new Error("The page has no content element or no links.");

const path = location.pathname.replace(/\/index\.html$/, "/");
const link = links.find(({ pathname }) => pathname === path) ?? first;
link.setAttribute("aria-current", "page");
document.title = `${link.text} · GenAI Image Generator`;
show(FOLDER + link.dataset.document).catch((error: unknown) => {
  content.textContent = `This page could not be loaded. Reload it to try again. (${error})`;
});

/** Show a document with the library for its format, of which each page loads only one. */
async function show(url: string): Promise<void> {
  if (url.endsWith(".md")) {
    const { showMarkdown } = await import("./markdown");
    await showMarkdown(content as HTMLElement, url, links);
  } else {
    const { showDescription } = await import("./description");
    showDescription(content as HTMLElement, url);
  }
}
