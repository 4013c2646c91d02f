import { Monitor, Moon, Sun } from "lucide-react";
import { useSavePreferences } from "@/api/preferences";
import { RadioGroup } from "@/components/RadioGroup";
import { useSession } from "@/state/session";
import { type Theme, useTheme } from "@/state/theme";

const THEMES: { value: Theme; name: string; label: React.ReactNode }[] = [
  {
    value: "light",
    name: "Light",
    label: (
      <>
        <Sun className="size-4" aria-hidden /> Light
      </>
    ),
  },
  {
    value: "dark",
    name: "Dark",
    label: (
      <>
        <Moon className="size-4" aria-hidden /> Dark
      </>
    ),
  },
  {
    value: "system",
    name: "System",
    label: (
      <>
        <Monitor className="size-4" aria-hidden /> System
      </>
    ),
  },
];

/** Sets the theme in this browser, and on the server for the other devices. */
export function Appearance() {
  const { theme, setTheme } = useTheme();
  const signedIn = useSession((state) => state.key !== null);
  const save = useSavePreferences();
  return (
    <RadioGroup
      legend="Theme"
      hideLegend
      options={THEMES}
      value={theme}
      onChange={(next) => {
        setTheme(next);
        if (signedIn) save.mutate({ theme: next });
      }}
    />
  );
}
