import { ButtonLink } from "@/components/Button";
import { Title } from "@/components/Title";

export function NotFound() {
  return (
    <div className="page grid content-start justify-items-start gap-4 py-24">
      <Title>Page not found</Title>
      <h1 className="font-bold text-4xl">Page not found</h1>
      <p className="text-muted">Check the address, or start again from the home page.</p>
      <ButtonLink to="/">Go to the home page</ButtonLink>
    </div>
  );
}
