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
    name: "As the system",
    label: (
      <>
        <Monitor className="size-4" aria-hidden /> System
      </>
    ),
  },
];

/** The theme: at once in this browser, and on the server for the others. */
export function Appearance() {
  const { theme, choose } = useTheme();
  const signedIn = useSession((state) => state.key !== null);
  const save = useSavePreferences();
  return (
    <RadioGroup
      legend="Theme"
      quiet
      options={THEMES}
      value={theme}
      onChange={(next) => {
        choose(next);
        if (signedIn) save.mutate({ theme: next });
      }}
    />
  );
}
