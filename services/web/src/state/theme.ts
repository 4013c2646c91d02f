import { create } from "zustand";

export type Theme = "light" | "dark" | "system";

type ThemeState = { theme: Theme; setTheme(theme: Theme): void };

function storedTheme(): Theme {
  try {
    const theme = localStorage.getItem("theme");
    return theme === "light" || theme === "dark" ? theme : "system";
  } catch {
    return "system";
  }
}

export const useTheme = create<ThemeState>((set) => ({
  theme: storedTheme(),
  setTheme: (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // Storage may be blocked. The theme then lasts until the page is closed.
    }
    set({ theme });
  },
}));
