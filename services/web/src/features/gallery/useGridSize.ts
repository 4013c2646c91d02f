import { type RefObject, useLayoutEffect, useState } from "react";

/** Pixels. `top` is the distance of the grid from the top of the page. */
export type GridSize = { width: number; row: number; gap: number; top: number };

const WIDE_REMS = 40;
/** Where nothing has a size, as in tests without a browser. */
const UNKNOWN: GridSize = { width: 1024, row: 240, gap: 12, top: 0 };

/** Measure a grid, now and whenever its width changes. */
export function useGridSize(grid: RefObject<HTMLElement | null>): GridSize {
  const [size, setSize] = useState(UNKNOWN);
  useLayoutEffect(() => {
    const measure = () => {
      const width = grid.current?.clientWidth;
      if (!grid.current || !width) return;
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      const wide = window.innerWidth >= WIDE_REMS * rem;
      const top = Math.round(grid.current.getBoundingClientRect().top + window.scrollY);
      const next = { width, row: (wide ? 15 : 9) * rem, gap: (wide ? 0.75 : 0.5) * rem, top };
      setSize((now) => (Object.values(now).join() === Object.values(next).join() ? now : next));
    };
    measure();
    if (!grid.current || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(measure);
    observer.observe(grid.current);
    return () => observer.disconnect();
  }, [grid]);
  return size;
}
