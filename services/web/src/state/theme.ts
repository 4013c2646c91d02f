import { create } from "zustand";

export type Theme = "light" | "dark" | "system";

type ThemeState = { theme: Theme; choose(theme: Theme): void };

function remembered(): Theme {
  try {
    const theme = localStorage.getItem("theme");
    return theme === "light" || theme === "dark" ? theme : "system";
  } catch {
    return "system";
  }
}

export const useTheme = create<ThemeState>((set) => ({
  theme: remembered(),
  choose: (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // Storage may be forbidden: the theme then lasts as long as the page.
    }
    set({ theme });
  },
}));
