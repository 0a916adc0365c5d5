// Keeps the page up to date. The server only says that there is news. The page is then fetched
// again, as the signed-in user, and its live parts are taken from it.

async function refresh() {
  const response = await fetch(location.href);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (fresh.body.dataset.user !== document.body.dataset.user) {
    location.reload(); // signed out, or somebody else, in another tab
    return;
  }
  const focused = document.activeElement.id;
  document.title = fresh.title;
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now && now.innerHTML !== part.innerHTML) part.replaceChildren(...now.childNodes);
  }
  if (document.activeElement === document.body) document.getElementById(focused)?.focus();
}

let source;
let last = Promise.resolve(); // one after the other: an older answer never comes last

function listen() {
  source?.close();
  // A browser has six connections to a server: tabs in the background leave theirs to others.
  if (document.visibilityState === "visible") {
    source = new EventSource("/events");
    source.onmessage = () => {
      last = last.then(refresh).catch(() => {}); // offline: there is news again once it is back
    };
  }
}

document.addEventListener("visibilitychange", listen);
listen();
