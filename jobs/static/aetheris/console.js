// The console without this file is whole. With it, times are the reader's, commands can be copied, a form is sent once,
// and an open page renews the parts that have changed.
(() => {
  "use strict";

  const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

  function localise(root) {
    for (const each of root.querySelectorAll("time[datetime]:not([title])")) {
      const moment = new Date(each.getAttribute("datetime"));
      if (Number.isNaN(moment.getTime())) continue;
      each.title = each.textContent;
      each.textContent = clock.format(moment);
    }
  }

  function offerCopies(root) {
    if (!navigator.clipboard) return;
    for (const code of root.querySelectorAll("code[data-copy]:not([data-ready])")) {
      code.dataset.ready = "";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain copy";
      button.textContent = "Copy";
      button.setAttribute("aria-label", `Copy: ${code.textContent}`);
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(code.textContent);
          button.textContent = "Copied";
        } catch {
          button.textContent = "Not allowed";
        }
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      code.after(button);
    }
  }

  function sendOnce(root) {
    for (const form of root.querySelectorAll("form[data-once]")) {
      form.addEventListener("submit", () => {
        // After the event, or the button that was pressed would be missing from what is sent.
        setTimeout(() => { for (const each of form.querySelectorAll("button")) each.disabled = true; }, 0);
      });
    }
  }

  function dress(root) {
    localise(root);
    offerCopies(root);
  }

  // What the server sent of each part, before it was dressed: only a part that has changed is replaced.
  const known = new Map();

  function remember(root) {
    for (const part of root.children) if (part.id) known.set(part.id, part.outerHTML);
  }

  function parts(root) {
    return [...root.children].filter((each) => each.id);
  }

  function keepOpen(before, after) {
    const stands = new Map();
    for (const each of before.querySelectorAll("details[data-key]")) stands.set(each.dataset.key, each.open);
    for (const each of after.querySelectorAll("details[data-key]")) {
      if (stands.has(each.dataset.key)) each.open = stands.get(each.dataset.key);
    }
    const scrolled = [...before.querySelectorAll(".picture, .wide")].map((each) => [each.scrollLeft, each.scrollTop]);
    return () => {
      [...after.querySelectorAll(".picture, .wide")].forEach((each, index) => {
        if (scrolled[index]) [each.scrollLeft, each.scrollTop] = scrolled[index];
      });
    };
  }

  function renew(live, fresh) {
    const order = parts(fresh).map((each) => each.id);
    for (const old of parts(live)) if (!order.includes(old.id)) { known.delete(old.id); old.remove(); }
    let place = null;
    for (const part of parts(fresh)) {
      const text = part.outerHTML;
      let here = document.getElementById(part.id);
      if (!here || known.get(part.id) !== text) {
        known.set(part.id, text);
        const made = document.importNode(part, true);
        if (here && here.contains(document.activeElement) && document.activeElement.closest("form, pre")) {
          known.delete(part.id);  // somebody works in it: next time
        } else if (here) {
          const settle = keepOpen(here, made);
          const focused = here.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
          here.replaceWith(made);
          settle();
          if (focused) made.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
          dress(made);
          here = made;
        } else {
          if (place) place.after(made); else live.prepend(made);
          dress(made);
          here = made;
        }
      }
      place = here;
    }
  }

  async function refresh(live) {
    const headers = live.dataset.pass ? { "X-Console-Live": live.dataset.pass } : {};
    const answer = await fetch(location.href, { headers, credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!fresh) return false;
    renew(live, fresh);
    const [bar, told] = [document, page].map((each) => each.querySelector(".bar nav"));
    if (bar && told && bar.innerHTML !== told.innerHTML && !bar.contains(document.activeElement)) bar.replaceWith(told);
    return true;
  }

  function follow(live) {
    let due = false, busy = false;
    const look = async () => {
      if (busy) { due = true; return; }
      busy = true;
      due = false;
      try { await refresh(live); } catch { /* away for a moment: the next look tells */ }
      setTimeout(() => { busy = false; if (due) look(); }, 700);
    };
    if (live.dataset.stream) {
      const source = new EventSource(live.dataset.stream);
      source.onmessage = (event) => {
        look();
        const kind = JSON.parse(event.data).type;
        if (["job_completed", "job_failed", "job_cancelled"].includes(kind)) source.close();
      };
      addEventListener("pagehide", () => source.close());
    } else if (live.dataset.poll) {
      setInterval(() => { if (!document.hidden) look(); }, Number(live.dataset.poll) * 1000);
    }
  }

  const live = document.getElementById("live");
  if (live) remember(live);
  dress(document);
  sendOnce(document);
  if (live && (live.dataset.stream || live.dataset.poll)) follow(live);
})();
