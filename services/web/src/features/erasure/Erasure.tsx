import type { ErasedStore } from "genai-images-client";
import { useState } from "react";
import { useErasure } from "@/api/erasures";
import { EmptyState, ErrorNotice, Notice, Skeleton } from "@/components/Notice";
import { Title } from "@/components/Title";
import { count, date, dateTime } from "@/lib/format";
import { type Receipt, storedReceipt } from "@/state/receipt";

/** Shows the receipt of the erasure that this tab has started. */
export function Erasure() {
  const [receipt] = useState(storedReceipt);
  return (
    <div className="page max-w-4xl pt-8 sm:pt-12">
      <Title>Receipt of your erasure</Title>
      <h1 className="mb-8 font-bold text-4xl tracking-tight sm:text-5xl">Receipt of your erasure</h1>
      {receipt ? (
        <Progress receipt={receipt} />
      ) : (
        <EmptyState title="This tab has no receipt">
          A receipt is shown in the tab in which you erased your data, until you close it. With its token, you can read
          it through the API: <code>GET /v1/me/erasures/ID</code> with the header <code>x-receipt-token</code>.
        </EmptyState>
      )}
    </div>
  );
}

function Progress({ receipt }: { receipt: Receipt }) {
  const { data, error, isPending } = useErasure(receipt);
  return (
    <div className="grid gap-6">
      {data?.status === "completed" ? (
        <Notice tone="success" title={`Your data was erased on ${dateTime(data.completed_at ?? data.requested_at)}.`} />
      ) : (
        <Notice title="Your data is being erased." live>
          Almost everything is gone within a minute. The erasure is repeated for data that was still being processed,
          and its receipt is complete about 26 hours after you asked for it.
        </Notice>
      )}
      <section className="grid gap-2 rounded-control bg-sunken px-4 py-3 text-sm">
        <h2 className="font-medium">Keep these to read the receipt later</h2>
        <p className="text-muted">
          Only this tab stores them. The operator cannot give you the token again, but can send you the receipt.
        </p>
        <dl className="grid gap-1 font-mono">
          <Secret name="Erasure" value={receipt.id} />
          <Secret name="Receipt token" value={receipt.token} />
        </dl>
      </section>
      {error && <ErrorNotice error={error} />}
      {isPending && <Skeleton className="h-40" />}
      {data && (
        <>
          <Erased stores={data.stores.filter(({ erased }) => erased > 0)} />
          <Remaining stores={data.stores.filter(({ remains }) => remains)} />
        </>
      )}
    </div>
  );
}

function Secret({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt className="inline text-muted">{name}: </dt>
      <dd className="inline break-all">{value}</dd>
    </div>
  );
}

function Erased({ stores }: { stores: readonly ErasedStore[] }) {
  return (
    <section className="grid gap-2">
      <h2 className="font-semibold text-lg">Erased</h2>
      {stores.length === 0 && <p className="text-muted text-sm">Nothing yet.</p>}
      <ul className="grid gap-1 text-sm">
        {stores.map(({ store, erased }) => (
          <li key={store} className="flex justify-between gap-4">
            <code>{store}</code>
            <span>{count(erased)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What remains, with one entry for all stores that keep the same for the same reason until the same day. */
function Remaining({ stores }: { stores: readonly ErasedStore[] }) {
  const groups = new Map<string, ErasedStore[]>();
  for (const store of stores) {
    const key = JSON.stringify([store.remains, store.reason, store.until && date(store.until)]);
    groups.set(key, [...(groups.get(key) ?? []), store]);
  }
  return (
    <section className="grid gap-3">
      <h2 className="font-semibold text-lg">What remains</h2>
      {[...groups.values()].map((group) => {
        const [first] = group;
        return (
          first && (
            <article key={first.store} className="grid gap-1 border-line border-t pt-3 text-sm">
              <p>
                <span className="font-medium">{first.until ? `Until ${date(first.until)}` : "For ever"}</span>
                {": "}
                {first.remains}
              </p>
              <p className="text-muted">{first.reason}</p>
              <p className="text-muted">
                <code>{group.map(({ store }) => store).join(", ")}</code>
              </p>
            </article>
          )
        );
      })}
    </section>
  );
}
