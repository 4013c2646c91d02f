import { ChartNoAxesColumn, House, Images, type LucideIcon, Settings, WandSparkles } from "lucide-react";
import { Suspense, useEffect, useRef } from "react";
import { Link, NavLink, Outlet, ScrollRestoration, useLocation, useNavigation } from "react-router";
import { Toaster } from "@/components/Toaster";
import { useOnline } from "@/components/useOnline";
import { Connection } from "./Connection";
import { useServerTheme } from "./useServerTheme";
import { Watcher } from "./Watcher";

const MAIN = [
  { to: "/create", text: "Create" },
  { to: "/gallery", text: "Gallery" },
  { to: "/dashboard", text: "Dashboard" },
  { to: "/about", text: "About" },
];

const THUMB: { to: string; text: string; icon: LucideIcon }[] = [
  { to: "/", text: "Home", icon: House },
  { to: "/create", text: "Create", icon: WandSparkles },
  { to: "/gallery", text: "Gallery", icon: Images },
  { to: "/dashboard", text: "Dashboard", icon: ChartNoAxesColumn },
  { to: "/settings", text: "Settings", icon: Settings },
];

/** What is around every page. */
export function Shell() {
  const online = useOnline();
  const busy = useNavigation().state !== "idle";
  useFocusOnNavigation();
  useServerTheme();
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#main"
        className="sr-only z-50 rounded-control bg-raised px-4 py-2 focus:not-sr-only focus:fixed focus:top-3 focus:left-3"
      >
        Skip to the content
      </a>
      <header className="sticky top-0 z-30 border-line border-b bg-ground/90 backdrop-blur-md">
        <div className="page flex h-14 items-center gap-6">
          <Link to="/" className="flex items-center gap-2.5 font-display font-semibold text-[0.95rem] tracking-tight">
            <Mark />
            <span>
              GenAI <span className="text-muted">Image Generator</span>
            </span>
          </Link>
          <nav aria-label="Pages" className="ml-auto hidden items-center gap-1 text-sm sm:flex">
            {MAIN.map(({ to, text }) => (
              <NavLink
                key={to}
                to={to}
                className="relative rounded-control px-3 py-2 text-muted transition-colors hover:text-ink aria-[current=page]:text-ink aria-[current=page]:after:absolute aria-[current=page]:after:inset-x-3 aria-[current=page]:after:-bottom-[9px] aria-[current=page]:after:h-0.5 aria-[current=page]:after:bg-accent"
              >
                {text}
              </NavLink>
            ))}
            <NavLink
              to="/settings"
              aria-label="Settings"
              title="Settings"
              className="grid size-9 place-items-center rounded-control text-muted transition-colors hover:bg-sunken hover:text-ink aria-[current=page]:text-accent"
            >
              <Settings className="size-[1.1rem]" aria-hidden />
            </NavLink>
          </nav>
          <div className="ml-auto sm:ml-0">
            <Connection />
          </div>
        </div>
        {busy && (
          <div className="absolute inset-x-0 -bottom-px h-0.5 overflow-hidden" aria-hidden>
            <div className="h-full w-1/3 animate-scan bg-accent" />
          </div>
        )}
      </header>
      {!online && (
        <p role="status" className="bg-warn-soft px-4 py-2 text-center text-sm text-warn">
          You are offline. What you saw is still here; what you ask for now is sent when the connection is back.
        </p>
      )}
      <main id="main" tabIndex={-1} className="flex-1 pb-24 outline-none sm:pb-16">
        <Suspense>
          <Outlet />
        </Suspense>
      </main>
      <footer className="hidden border-line border-t sm:block">
        <div className="page flex flex-wrap items-center gap-x-6 gap-y-2 py-6 text-muted text-sm">
          <p>Pictures are drawn by machines. They are marked as such.</p>
          <nav aria-label="More" className="ml-auto flex gap-6">
            <Link className="hover:text-ink" to="/about#privacy">
              Privacy
            </Link>
            <Link className="hover:text-ink" to="/about#rules">
              Rules
            </Link>
            <Link className="hover:text-ink" to="/operations">
              Operations
            </Link>
          </nav>
        </div>
      </footer>
      <nav
        aria-label="Pages"
        className="fixed inset-x-0 bottom-0 z-30 grid grid-cols-5 border-line border-t bg-surface/95 pb-[env(safe-area-inset-bottom)] backdrop-blur-md sm:hidden"
      >
        {THUMB.map(({ to, text, icon: Icon }) => (
          <NavLink
            key={to}
            to={to}
            end={to === "/"}
            className="grid justify-items-center gap-0.5 pt-2.5 pb-2 text-2xs text-muted aria-[current=page]:text-accent"
          >
            <Icon className="size-5" aria-hidden />
            {text}
          </NavLink>
        ))}
      </nav>
      <Watcher />
      <Toaster />
      <ScrollRestoration getKey={({ pathname, key }) => (pathname.startsWith("/gallery") ? "/gallery" : key)} />
    </div>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 28 28" className="size-7" aria-hidden>
      <rect x="3" y="2" width="22" height="24" rx="2" className="fill-ink" />
      <circle cx="18.5" cy="9.5" r="3" className="fill-accent" />
      <path d="M5 22.5l7-9.5 4.500 5 2.500-3 4 7.500z" className="fill-ground" />
    </svg>
  );
}

/** After a change of page, keyboards and screen readers begin at its content. */
function useFocusOnNavigation(): void {
  const { pathname } = useLocation();
  const page = pathname.split("/")[1];
  const before = useRef(page);
  useEffect(() => {
    if (before.current === page) return;
    before.current = page;
    document.getElementById("main")?.focus({ preventScroll: true });
  }, [page]);
}
