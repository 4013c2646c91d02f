/** Sets the document title; React moves it into the head. */
export function Title({ children }: { children: string }) {
  return <title>{`${children} · GenAI Image Generator`}</title>;
}
