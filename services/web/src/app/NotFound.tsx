import { ButtonLink } from "@/components/Button";
import { Title } from "@/components/Title";

export function NotFound() {
  return (
    <div className="page grid content-start justify-items-start gap-4 py-24">
      <Title>Nothing at this address</Title>
      <h1 className="font-bold text-4xl">An empty frame</h1>
      <p className="text-muted">There is nothing at this address.</p>
      <ButtonLink to="/">To the first page</ButtonLink>
    </div>
  );
}
