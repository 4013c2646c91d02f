import { useEffect, useRef } from "react";
import { usePreferences } from "@/api/preferences";
import { useTheme } from "@/state/theme";

/** Take over the theme that the owner chose elsewhere: once, when it is first known. */
export function useServerTheme(): void {
  const theme = usePreferences().data?.preferences.theme;
  const choose = useTheme((state) => state.choose);
  const taken = useRef(false);
  useEffect(() => {
    if (theme === undefined || taken.current) return;
    taken.current = true;
    if (theme !== "system" || useTheme.getState().theme !== "system") choose(theme);
  }, [theme, choose]);
}
