// The receipt of an erasure. Only this tab keeps its token, until it is closed or someone signs in.

import * as tabStorage from "./tabStorage";

export type Receipt = { id: string; token: string };

const STORAGE_KEY = "receipt";

export function storeReceipt(receipt: Receipt): void {
  tabStorage.write(STORAGE_KEY, JSON.stringify(receipt));
}

export function storedReceipt(): Receipt | null {
  const text = tabStorage.read(STORAGE_KEY);
  return text === null ? null : (JSON.parse(text) as Receipt);
}
