import { type FormEvent, useState } from "react";
import { Button } from "@/components/Button";
import { TextField } from "@/components/Field";
import { useSession } from "@/state/session";

/** Asks for a second key for this page: the scope `admin` does not include the scopes for generation, nor vice versa. */
export function OperatorKey() {
  const setOperatorKey = useSession((state) => state.setOperatorKey);
  const [text, setText] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "") setOperatorKey(text.trim());
  };
  return (
    <form onSubmit={submit} className="grid gap-4 rounded-card border border-line bg-surface p-6">
      <TextField
        label="Operator API key"
        type="password"
        autoComplete="off"
        value={text}
        hint="The key needs the scope admin. It is used on this page only and kept until you reload."
        onChange={(event) => setText(event.target.value)}
      />
      <Button type="submit" variant="primary" className="justify-self-start">
        Use key
      </Button>
    </form>
  );
}
