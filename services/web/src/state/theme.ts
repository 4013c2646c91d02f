import { create } from "zustand";
import * as tabStorage from "./tabStorage";

export type Theme = "light" | "dark" | "system";

type ThemeState = { theme: Theme; setTheme(theme: Theme): void };

function storedTheme(): Theme {
  const theme = tabStorage.read("theme");
  return theme === "light" || theme === "dark" ? theme : "system";
}

export const useTheme = create<ThemeState>((set) => ({
  theme: storedTheme(),
  setTheme: (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    tabStorage.write("theme", theme);
    set({ theme });
  },
}));
