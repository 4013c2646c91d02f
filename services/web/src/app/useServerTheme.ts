import { useEffect, useRef } from "react";
import { usePreferences } from "@/api/preferences";
import { useTheme } from "@/state/theme";

/** Apply the theme stored on the server, once, when it is first loaded. */
export function useServerTheme(): void {
  const theme = usePreferences().data?.preferences.theme;
  const setTheme = useTheme((state) => state.setTheme);
  const applied = useRef(false);
  useEffect(() => {
    if (theme === undefined || applied.current) return;
    applied.current = true;
    if (theme !== "system" || useTheme.getState().theme !== "system") setTheme(theme);
  }, [theme, setTheme]);
}
