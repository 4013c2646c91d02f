import { type FormEvent, type ReactNode, useState } from "react";
import { signIn, useSession } from "@/state/session";
import { Button } from "./Button";
import { Switch, TextField } from "./Field";

/** Asks for the API key. */
export function ApiKeyForm() {
  const [text, setText] = useState("");
  const [remember, setRemember] = useState(true);
  const [error, setError] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const key = text.trim();
    if (/^[\x21-\x7e]{16,200}$/.test(key)) void signIn(key, remember);
    else setError("This is not a valid API key. Paste the complete key, which starts with gik_.");
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
        label="Remember until this tab is closed"
        hint="If off, you need to enter the key again after a reload. The key is sent only to the API."
        checked={remember}
        onChange={setRemember}
      />
      <Button type="submit" variant="primary" className="justify-self-start">
        Sign in
      </Button>
    </form>
  );
}

/** Shows its children if the user is signed in, and the sign-in form otherwise. */
export function RequireApiKey({ purpose, children }: { purpose: string; children: ReactNode }) {
  const key = useSession((state) => state.key);
  if (key !== null) return children;
  return (
    <div className="mx-auto grid w-full max-w-lg gap-5 rounded-card border border-line bg-surface p-6 shadow-card sm:p-8">
      <div className="grid gap-1.5">
        <h2 className="font-semibold text-2xl">Enter your API key</h2>
        <p className="text-muted text-sm">
          {purpose} Your administrator gives you a key; it sets your permissions and limits.
        </p>
      </div>
      <ApiKeyForm />
    </div>
  );
}
