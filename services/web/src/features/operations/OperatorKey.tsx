import { type FormEvent, useState } from "react";
import { Button } from "@/components/Button";
import { TextField } from "@/components/Field";
import { useSession } from "@/state/session";

/** A second key, for these pages only: `admin` does not include what drawing needs, nor the other way round. */
export function OperatorKey() {
  const use = useSession((state) => state.useOperatorKey);
  const [text, setText] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "") use(text.trim());
  };
  return (
    <form onSubmit={submit} className="grid gap-4 rounded-card border border-line bg-surface p-6">
      <TextField
        label="A key with the scope admin"
        type="password"
        autoComplete="off"
        value={text}
        hint="For this page only; it is kept in memory and forgotten on the next load."
        onChange={(event) => setText(event.target.value)}
      />
      <Button type="submit" variant="primary" className="justify-self-start">
        Use it here
      </Button>
    </form>
  );
}
