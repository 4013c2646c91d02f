import { type FormEvent, type ReactNode, useState } from "react";
import { useSession } from "@/state/session";
import { Button } from "./Button";
import { Switch, TextField } from "./Field";

/** Where the API key is put in. */
export function KeyForm() {
  const signIn = useSession((state) => state.signIn);
  const [text, setText] = useState("");
  const [remember, setRemember] = useState(true);
  const [error, setError] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const key = text.trim();
    if (/^[\x21-\x7e]{16,200}$/.test(key)) signIn(key, remember);
    else setError("That does not look like a key: one word, as it was given to you, such as gik_…");
  };
  return (
    <form onSubmit={submit} className="grid gap-4" noValidate>
      <TextField
        label="API key"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="gik_…"
        value={text}
        error={error}
        onChange={(event) => {
          setText(event.target.value);
          setError(undefined);
        }}
      />
      <Switch
        label="Keep it for this tab"
        hint="It then survives a reload and goes with the tab. Off: it is forgotten on the next load. It never leaves for anything but the API."
        checked={remember}
        onChange={setRemember}
      />
      <Button type="submit" look="primary" className="justify-self-start">
        Use this key
      </Button>
    </form>
  );
}

/** Shows its children to whoever has a key, and a place to put one in to everybody else. */
export function KeyGate({ purpose, children }: { purpose: string; children: ReactNode }) {
  const key = useSession((state) => state.key);
  if (key !== null) return children;
  return (
    <div className="mx-auto grid w-full max-w-lg gap-5 rounded-card border border-line bg-surface p-6 shadow-card sm:p-8">
      <div className="grid gap-1.5">
        <h2 className="font-semibold text-2xl">A key first</h2>
        <p className="text-muted text-sm">
          {purpose} Whoever runs this gives you one; it says what you may do and how much of it.
        </p>
      </div>
      <KeyForm />
    </div>
  );
}
