// Lays the slides out, then hands them to reveal.js. A slide that its cells make too long goes on on the next one; code,
// output and tables are made smaller down to a floor, then parted between lines; a nearly empty page goes with
// its neighbour; each lab has the largest scale that it fits with. `policyGradientSlides.ready` resolves when all stands;
// `faults()` measures every slide.

globalThis.policyGradientSlides = (() => {
  const [WIDTH, HEIGHT, SIDE, TOP, BOTTOM] = [1280, 720, 40, 22, 30];
  const AGAIN = 37; // px of the line that says what a slide goes on with
  const SPARSE = 0.35; // of the room: a page with less has a neighbour beside it, if both fit
  const ROOM = { width: WIDTH - 2 * SIDE, height: HEIGHT - TOP - BOTTOM };
  const SMALLEST = 13.5; // px, 20 of 1080
  const CODE = 20;
  const SCALES = [1.6, 1.5, 1.4, 1.3, 1.2, 1.12]; // of a lab: its smallest labels, of 12 px, stay large enough
  const TIGHT = [1.12, 1.06, 1, 0.96]; // with the slide to itself, and labels made larger (slides.css)
  const TEXTS = [25, 24, 23, 22, 21]; // px
  const OUTPUTS = [18, 17, 16]; // px, of what code printed, where it then stands below its code
  const deck = document.querySelector(".pgs");
  const frame = () => new Promise((done) => setTimeout(() => requestAnimationFrame(() => done()), 0));
  const frames = async (count) => {
    for (let n = 0; n < count; n += 1) await frame();
  };

  // --- blocks: what a slide is parted between -----------------------------------------------------------------

  const isLab = (node) => node.querySelector?.(".pgc-live") !== null;
  const asks = (node) => (node?.querySelector('[data-lab="quiz"], [data-lab="review"], [data-lab="prediction"]') ?? null) !== null;
  const isHeading = (node) => /^H[1-4]$/.test(node?.firstElementChild?.tagName ?? "");

  function wrap(names, fragment, ...children) {
    const block = document.createElement("div");
    block.className = `pgs-block ${names}`;
    if (fragment) block.classList.add("fragment");
    block.append(...children);
    return block;
  }

  // The blocks of a cell, in order: of a text each paragraph, list, table; code; each output, of several labs each.
  function blocksOf(cell) {
    const fragment = cell.dataset.fragment !== undefined;
    const parts = cell.classList.contains("pgs-text") ? [...cell.children] : [...cell.children].flatMap((part) => {
      if (part.classList.contains("pgs-html") && isLab(part)) return [...part.children].filter((one) => one.tagName !== "STYLE");
      return part.classList.contains("pgs-text") ? [...part.children] : [part];
    });
    const isText = cell.classList.contains("pgs-text");
    return parts.filter((part) => part.textContent.trim() !== "" || part.querySelector("img, svg") || part.tagName === "IMG")
      .map((part) => wrap(isText || part.matches("p, ul, ol, table, h2, h3") ? "pgs-text" : "", fragment, part));
  }

  // --- what is too wide or too high by itself ------------------------------------------------------------------

  const heightOf = (node) => node.getBoundingClientRect().height;

  function fitPre(block) {
    const pre = block.querySelector("pre");
    if (!pre) return;
    const isCode = block.querySelector(".pgs-code, .highlight") !== null;
    const room = ROOM.width - 2;
    const wanted = pre.scrollWidth;
    if (wanted > pre.clientWidth + 1) {
      const size = Math.max(isCode ? CODE : SMALLEST, Math.floor((CODE * room * 10) / (wanted + 20)) / 10);
      pre.style.fontSize = `${size}px`;
      if (pre.scrollWidth > pre.clientWidth + 1) pre.style.whiteSpace = "pre-wrap";
    }
    if (!isCode && heightOf(pre) > ROOM.height - 50) pre.style.fontSize = `${Math.max(SMALLEST + 2.5, parseFloat(getComputedStyle(pre).fontSize) * 0.8)}px`;
  }

  function fitPicture(picture) {
    const [width, height] = [picture.naturalWidth || picture.width, picture.naturalHeight || picture.height];
    const given = Number(picture.getAttribute("width")) || width;
    const scale = Math.min(ROOM.width / width, (ROOM.height - 60) / height, (1.45 * given) / width);
    Object.assign(picture.style, { width: `${Math.floor(width * scale)}px`, height: "auto" });
  }

  function fitFormula(formula) {
    const [wanted, room] = [formula.querySelector("svg").getBoundingClientRect().width, formula.parentElement.clientWidth];
    if (wanted > room) formula.style.fontSize = `${Math.floor((96 * room) / wanted)}%`;
  }

  // No line begins with the comma after a formula.
  function holdSigns(formula) {
    const sign = formula.nextSibling?.nodeType === 3 && /^[.,;:?!)\]”]+/.exec(formula.nextSibling.data)?.[0];
    if (!sign) return;
    const both = Object.assign(document.createElement("span"), { className: "pgs-held" });
    formula.nextSibling.splitText(sign.length);
    formula.before(both);
    both.append(formula, formula.nextSibling);
  }

  function fitTable(table) {
    const box = table.closest(".pgs-block");
    for (const size of [18, 16, 15, SMALLEST]) {
      if (table.scrollWidth <= box.clientWidth && heightOf(box) <= ROOM.height - 50) return;
      table.style.fontSize = `${size}px`;
    }
  }

  // Parts of a block that is too high: code and output between lines, tables and lists between rows.
  function parted(block, most) {
    if (heightOf(block) <= most || isLab(block)) return [block];
    const pre = block.querySelector("pre");
    const rows = [...(block.querySelector("tbody")?.children ?? block.querySelector("ul, ol")?.children ?? [])];
    if (pre) {
      const lines = pre.innerHTML.replace(/\n$/, "").split("\n");
      const perLine = (heightOf(pre) - 16) / lines.length;
      const room = Math.max(3, Math.floor((most - 40) / perLine));
      const parts = [];
      while (lines.length > 0) {
        let end = Math.min(room, lines.length);
        const gap = lines.slice(0, end).findLastIndex((line) => line.replace(/<[^>]*>/g, "").trim() === "");
        if (end < lines.length && gap > room / 2) end = gap + 1;
        parts.push(lines.splice(0, end).join("\n"));
      }
      return parts.map((text) => {
        const part = block.cloneNode(true);
        part.querySelector("pre").innerHTML = text;
        return part;
      });
    }
    if (rows.length < 2) return [block];
    const [holder, parts] = [rows[0].parentNode, [[]]];
    let used = 0;
    const lead = heightOf(block) - rows.reduce((sum, row) => sum + heightOf(row), 0);
    const tops = rows.map((row) => heightOf(row) + (holder.tagName === "TBODY" ? 0 : 5));
    for (const [n, row] of rows.entries()) {
      if (used + tops[n] + lead > most && parts.at(-1).length > 0) {
        parts.push([]);
        used = 0;
      }
      parts.at(-1).push(n);
      used += tops[n];
    }
    return parts.map((chosen, n) => {
      const part = block.cloneNode(true);
      const list = part.querySelector(holder.tagName.toLowerCase());
      [...list.children].forEach((row, k) => chosen.includes(k) || row.remove());
      if (list.tagName === "OL") list.start = chosen[0] + 1;
      if (n > 0) part.querySelector("blockquote > h3, blockquote > h4")?.append(", continued");
      return part;
    });
  }

  // --- pages ---------------------------------------------------------------------------------------------------

  const bottomsOf = (blocks) => blocks.map((block) => block.getBoundingClientRect());

  // The pages of a slide as lists of blocks: as many on each as fit below a line that says what goes on.
  function pagesOf(blocks) {
    const boxes = bottomsOf(blocks);
    const pages = [[]];
    let top = boxes[0]?.top ?? 0;
    const room = (n) => ROOM.height - (isHeading(pages.at(-1)[0] ?? blocks[n]) ? 0 : AGAIN);
    const breakBefore = (n) => {
      let from = n; // a heading, or a line that announces, goes with what follows
      const page = pages.at(-1);
      while (n - from < page.length - 1 && leads(blocks[from - 1])) from -= 1;
      pages.push(page.splice(page.length - (n - from)));
      top = boxes[from].top;
    };
    for (const [n, block] of blocks.entries()) {
      const after = blocks[n - 1];
      const tooLow = boxes[n].bottom - top - room(n);
      if (tooLow > 0 && pages.at(-1).every(leads) && shrunk(block.querySelector("img"), tooLow)) top += tooLow;
      const isFull = boxes[n].bottom - top > room(n);
      const begins = /^H[12]$/.test(block.firstElementChild?.tagName);
      if (pages.at(-1).length > 0 && (isFull || begins || asks(after))) breakBefore(n);
      pages.at(-1).push(block);
    }
    return withTask(pages.filter((page) => page.length > 0));
  }

  // A picture goes with its heading, if it need not become much smaller for that.
  function shrunk(picture, by) {
    const scale = picture === null ? 0 : 1 - by / heightOf(picture);
    if (scale > 0.6) picture.style.width = `${Math.floor(picture.getBoundingClientRect().width * scale)}px`;
    return scale > 0.6;
  }

  // Code that goes on alone stands again below what is said of it, where there is room.
  function withTask(pages) {
    const said = pages[0]?.slice(0, Math.max(0, pages[0].findIndex(isCode))).filter((block) => !isHeading(block) && !isLab(block)) ?? [];
    const fits = (page) => [...said, ...page].reduce((sum, block) => sum + heightOf(block), AGAIN) <= ROOM.height;
    return pages.map((page, n) => {
      if (n === 0 || !page.every(isCode) || !fits(page)) return page;
      page[0].classList.remove("fragment");
      return [...said.map((block) => block.cloneNode(true)), ...page];
    });
  }

  // A page that is nearly empty goes with its neighbour of the same part, which comes at one key more, as it would alone.
  function joined(slides, plans) {
    const all = slides.flatMap(({ slide }, n) => plans[n].map((page) => {
      const height = page.at(-1).getBoundingClientRect().bottom - page[0].getBoundingClientRect().top;
      return { n, slide, pages: [page], height };
    }));
    const goTogether = (one, other) => one.slide.parentNode === other.slide.parentNode && one.slide.style.cssText === other.slide.style.cssText
      && Math.min(one.height, other.height) < SPARSE * ROOM.height && one.height + other.height + 14 + (headOf(one.pages[0][0]) ? 0 : AGAIN) <= ROOM.height
      && headOf(one.pages[0][0])?.tagName !== "H1" && headOf(other.pages[0][0]) === null && !asks(one.pages.at(-1).at(-1));
    const kept = [];
    for (const page of all) {
      const before = kept.at(-1);
      if (before === undefined || !goTogether(before, page)) kept.push(page);
      else Object.assign(before, { pages: [...before.pages, page.pages[0]], height: before.height + page.height + 14 });
    }
    const atOnce = (blocks) => {
      const first = blocks.slice(0, [...blocks, null].findIndex((block) => block === null || block.classList.contains("fragment")));
      return first.length === 0 ? blocks : [wrap("", true, ...first), ...blocks.slice(first.length)];
    };
    return slides.map((_, n) => kept.filter((page) => page.n === n).map(({ pages: [first, ...more] }) => [...first, ...more.flatMap(atOnce)]));
  }

  // The heading that a page begins with, also a card's.
  const headOf = (block) => block.querySelector(":scope > :is(h1, h2, h3, h4):first-child, :scope > blockquote > :is(h2, h3, h4):first-child");
  const isCode = (block) => block.querySelector(".pgs-code") !== null;
  const leads = (block) => isHeading(block) || (!isLab(block) && /:$/.test(block.textContent.trim()) && block.querySelector("p") !== null);

  function layOut(slide) {
    const notes = [...slide.querySelectorAll("aside.notes")];
    const cells = [...slide.children].filter((node) => node.classList.contains("pgs-cell"));
    const blocks = cells.flatMap(blocksOf);
    slide.replaceChildren(...blocks, ...notes);
    return { slide, blocks, notes };
  }

  function pageOf(blocks, heading, number) {
    const page = document.createElement("section");
    page.className = "pgs-page";
    if (heading && headOf(blocks[0]) === null) {
      const line = document.createElement("p");
      line.className = "pgs-again";
      line.textContent = heading;
      page.append(line);
    }
    if (number > 0) blocks[0].classList.remove("fragment");
    page.append(...blocks);
    return page;
  }

  const isLong = (slide) => slide.clientHeight - TOP - BOTTOM > ROOM.height - (isHeading(slide.firstElementChild) ? 0 : AGAIN);

  const smaller = (page) => {
    for (const size of TEXTS) {
      page.style.fontSize = `${size}px`;
      if (page.scrollHeight <= page.clientHeight) return;
    }
  };

  // --- labs ----------------------------------------------------------------------------------------------------

  const zoomOf = (place) => Number(place.style.getPropertyValue("--zoom")) || SCALES.at(-1);
  const setZoom = (place, zoom) => place.style.setProperty("--zoom", zoom);
  const isHigh = (page) => page.scrollHeight > page.clientHeight || page.scrollWidth > page.clientWidth;

  // Try the scales from the largest down, all pages at once; each keeps the first that fits.
  async function scaleLabs(pages) {
    let open = pages.map((page) => [page, page.querySelector(".pgc-live")]).filter(([, place]) => place !== null);
    for (const scale of SCALES) {
      for (const [, place] of open) setZoom(place, scale);
      await frames(3);
      open = open.filter(([page]) => isHigh(page));
    }
    for (const scale of TIGHT) {
      for (const [page, place] of open) {
        page.classList.toggle("pgs-tight", !asks(page));
        setZoom(place, scale);
      }
      await frames(3);
      open = open.filter(([page]) => isHigh(page));
    }
  }

  // What a lab says may become longer: it shrinks as far as it may.
  function keepInside(page) {
    const place = page.querySelector(".pgc-live");
    if (place === null || page.clientHeight === 0) return;
    if (isHigh(page) && zoomOf(place) > TIGHT.at(-1)) {
      if (zoomOf(place) < SCALES.at(-1) && !asks(page)) page.classList.add("pgs-tight");
      setZoom(place, Math.max(TIGHT.at(-1), zoomOf(place) - 0.06));
      requestAnimationFrame(() => keepInside(page));
    } else if (isHigh(page)) page.classList.add("pgs-crowded"); // what leads to a question makes room for its answer
  }

  // --- votes ---------------------------------------------------------------------------------------------------

  const tallies = new Map();

  function addVotes(page) {
    const place = page.querySelector(".pgc-live.pgc-mounted");
    const { lab, state, constants } = JSON.parse(place.querySelector("script").textContent);
    const [question] = Object.values(constants.library)[0].questions;
    const key = `votes/${lab}/${state.quiz}/${question.id}`;
    const tally = globalThis.makeTally(question, key, policyGradientPage.storage, place);
    const both = document.createElement("div");
    both.className = "pgs-asked";
    const block = place.closest(".pgs-block");
    block.replaceWith(both);
    both.append(block, tally.node);
    if (block.classList.contains("fragment")) both.classList.add("fragment");
    block.classList.remove("fragment");
    tallies.set(page, tally);
    let wasTold = null;
    new MutationObserver(() => {
      const isTold = place.querySelector(".pgc-answered") !== null;
      if (isTold !== wasTold) tally.tell();
      wasTold = isTold;
    }).observe(place, { subtree: true, attributes: true, attributeFilter: ["class"] });
  }

  // --- keys ----------------------------------------------------------------------------------------------------

  // Page keys, which a clicker sends, turn the slide wherever the focus is; Escape gives a lab's keys back to the slides.
  function onKey(event) {
    const inside = event.target.closest?.(".pgc-lab, .pgs-votes");
    const [first, last] = [Reveal.getSlides()[0], Reveal.getSlides().at(-1)];
    const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
    if (inside && (event.key === "PageDown" || event.key === "PageUp")) {
      event.stopPropagation();
      event.preventDefault();
      if (event.key === "PageDown") Reveal.next();
      else Reveal.prev();
    } else if (!inside && ["Home", "End"].includes(event.key)) { // reveal.js knows the column, and its last seen slide
      event.stopPropagation();
      const { h, v } = Reveal.getIndices(event.key === "Home" ? first : last);
      Reveal.slide(h, v);
    } else if (event.key === "Enter" && Reveal.isOverview()) {
      event.preventDefault();
      Reveal.toggleOverview(false);
    } else if (inside && event.key === "Escape") {
      event.stopPropagation();
      document.activeElement.blur();
    } else if (digit && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.matches("input[type=text]")) {
      tallies.get(Reveal.getCurrentSlide())?.vote(Number(digit) - 1, event.shiftKey ? -1 : 1);
    }
  }

  // A lab's links lead to notebooks: here to their decks, and to the slide with a heading.
  function onClick(event) {
    const link = event.target.closest?.(".pgc-lab a[data-role=link]");
    if (!link) return;
    event.preventDefault();
    const [notebook, heading] = decodeURIComponent(link.getAttribute("href")).split("#");
    if (/^\d\d_/.test(notebook)) location.href = notebook.replace(/\.ipynb$/, ".html");
    const named = (node) => node?.textContent.trim().replaceAll(" ", "-") === heading;
    const page = notebook === "" && Reveal.getSlides().find((one) => named(one.querySelector("h1, h2, h3")));
    if (page) Reveal.slide(Reveal.getIndices(page).h, Reveal.getIndices(page).v);
  }

  // --- all of it -----------------------------------------------------------------------------------------------

  async function start() {
    deck.classList.add("pgs-preparing");
    await MathJax.startup.promise;
    deck.querySelectorAll("mjx-container:not([display])").forEach(holdSigns);
    await Promise.all([...deck.querySelectorAll("img")].map((picture) => picture.decode().catch(() => {})));
    const slides = [...deck.querySelectorAll(".slides > section > section")].map(layOut);
    for (const slide of slides) slide.slide.classList.add("pgs-page");
    for (const slide of slides) slide.slide.style.height = "auto";
    deck.querySelectorAll(".pgs-block img").forEach(fitPicture);
    for (const { blocks } of slides) blocks.forEach(fitPre);
    deck.querySelectorAll('mjx-container[display="true"]').forEach(fitFormula);
    deck.querySelectorAll(".pgs-block table:not(.pgc-table)").forEach(fitTable);
    for (const place of deck.querySelectorAll(".pgc-live")) {
      setZoom(place, SCALES.at(-1));
      place.dataset.preventSwipe = ""; // a finger on a lab moves the lab, not the slide
    }
    await frames(3);
    const pages = [];
    for (const size of TEXTS) for (const { slide } of slides) if (isLong(slide)) slide.style.fontSize = `${size}px`;
    for (const size of OUTPUTS) for (const { slide } of slides) if (isLong(slide)) slide.style.setProperty("--out", `${size}px`);
    for (const { slide } of slides) if (isLong(slide)) ["font-size", "--out"].forEach((name) => slide.style.removeProperty(name));
    const parts = slides.map(({ blocks }) => blocks.map((block) => parted(block, ROOM.height - AGAIN)));
    slides.forEach(({ slide, notes }, n) => slide.replaceChildren(...parts[n].flat(), ...notes));
    const plans = joined(slides, slides.map((_, n) => pagesOf(parts[n].flat())));
    let heading = "";
    slides.forEach(({ slide, notes }, n) => {
      const made = plans[n].map((blocks, number) => {
        const page = pageOf(blocks, heading, number);
        heading = blocks.map(headOf).findLast(Boolean)?.textContent.replace(/, continued$/, "") ?? heading;
        return page;
      });
      for (const page of made) page.style.cssText = slide.style.cssText.replace(/height:[^;]*;/, "");
      if (made.length === 0) {
        pages.at(-1)?.append(...notes);
        return slide.remove();
      }
      made[0].append(...notes);
      slide.replaceWith(...made);
      pages.push(...made);
    });
    for (const stack of deck.querySelectorAll(".slides > section")) if (stack.children.length === 0) stack.remove();
    for (const page of pages) {
      const place = page.querySelector(".pgc-live.pgc-mounted");
      if (place && asks(page)) addVotes(page);
    }
    await scaleLabs(pages);
    pages.filter(isHigh).forEach(smaller);
    const watch = new ResizeObserver((entries) => entries.forEach(({ target }) => keepInside(target.closest(".pgs-page"))));
    for (const page of pages) for (const lab of page.querySelectorAll(".pgc-lab")) watch.observe(lab);
    deck.classList.remove("pgs-preparing");
    const foot = Object.assign(document.createElement("p"), { className: "pgs-foot", textContent: document.body.dataset.lesson });
    deck.append(foot);
    document.addEventListener("keydown", onKey, true);
    document.addEventListener("click", onClick);
    await Reveal.initialize({
      width: WIDTH, height: HEIGHT, margin: 0, minScale: 0.1, maxScale: 4, center: false, hash: true, controls: matchMedia("(pointer: coarse)").matches, transition: "none",
      backgroundTransition: "none", slideNumber: "c/t", navigationMode: "linear", pdfSeparateFragments: false,
      viewDistance: 2, scrollActivationWidth: null, plugins: [RevealNotes], // on a phone too one slide, and what comes by a key
    });
    document.documentElement.dataset.ready = "yes";
  }

  // --- measuring -----------------------------------------------------------------------------------------------

  const nameOf = (node) => `${node.tagName.toLowerCase()}${node.classList[0] ? `.${node.classList[0]}` : ""} “${node.textContent.trim().slice(0, 40)}”`;

  // What leaves the slide that is shown now, or is too small there. Sizes are px of 1280 × 720.
  function faultsNow() {
    const page = Reveal.getCurrentSlide();
    const [scale, box, found] = [Reveal.getScale(), page.getBoundingClientRect(), []];
    const least = (SMALLEST - 0.2) * scale;
    const isSeen = (node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest(".pgc-hidden, mjx-assistive-mml, .notes, details:not([open]) > :not(summary)");
    for (const one of page.querySelectorAll('[data-mjx-error], mjx-container [fill="red"]')) { // a macro nobody knows is red
      found.push([`formula ${one.closest("mjx-container").textContent.slice(0, 40)}`, `cannot be set: ${one.dataset.mjxError ?? "it has an unknown word"}`]);
    }
    for (const one of page.querySelectorAll("img")) if (one.complete && one.naturalWidth === 0) found.push([`img ${one.src.slice(0, 60)}`, "is not there"]);
    for (const node of page.querySelectorAll("*:not(mjx-container *, script, style)")) {
      const picture = node.parentElement.closest("svg"); // in which only words count: the rest may be clipped
      if (!isSeen(node) || (picture && (!node.matches("text") || picture.closest("mjx-container")))) continue;
      const { left, right, top, bottom, width } = node.getBoundingClientRect();
      if (width === 0) continue;
      if (bottom > box.bottom + 1) found.push([nameOf(node), `ends ${Math.round((bottom - box.bottom) / scale)} px below the slide`]);
      else if (right > box.right + 1 || left < box.left - 1 || top < box.top - 1) found.push([nameOf(node), "leaves the slide sideways"]);
      else if (node.matches("pre, table, th, td") && node.scrollWidth > node.clientWidth + 1) found.push([nameOf(node), `is cut: ${node.scrollWidth} of ${node.clientWidth} px`]);
      const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim() !== "");
      if (!own || node.closest("mjx-container, sub")) continue;
      const zoom = (node.closest("svg") ?? node).currentCSSZoom ?? 1;
      const size = parseFloat(getComputedStyle(node).fontSize) * zoom * scale;
      const wanted = node.closest(".pgs-code") ? (CODE - 0.1) * scale : least;
      if (size < wanted) found.push([nameOf(node), `has letters of ${(size / scale).toFixed(1)} px`]);
    }
    return found.slice(0, 3).map(([node, what]) => `${node} ${what}`);
  }

  // alone: of the slides with this in them.
  async function faults(alone = "*") {
    const all = [];
    for (const page of Reveal.getSlides().filter((one) => one.querySelector(alone))) {
      const { h, v } = Reveal.getIndices(page);
      Reveal.slide(h, v, 99);
      if (page.querySelector(".pgc-lab")) await frames(3); // a lab draws itself anew
      const title = page.querySelector("h1, h2, h3, .pgs-again")?.textContent ?? "";
      for (const fault of faultsNow()) all.push(`slide ${h + 1}.${(v ?? 0) + 1} “${title}”: ${fault}`);
    }
    return all;
  }

  const ready = new Promise((done) => {
    document.addEventListener("DOMContentLoaded", () => start().then(done));
  });
  return { ready, faults };
})();
