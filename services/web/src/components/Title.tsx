/** The document's title; React puts it into the head. */
export function Title({ children }: { children: string }) {
  return <title>{`${children} · GenAI Image Generator`}</title>;
}
