// JupyterLab's door to the labs, maps and quizzes. What a notebook stores of one is plain data, LAB_MIME_TYPE. This
// draws it with code from the installed package alone, which is why its renderer may call itself safe, wherever no live
// model is behind the output: before the cell has run, when its kernel is gone, trusted or not. Where there is a model,
// the widget manager draws it. Three things more that lessons need: pictures get the alt text that their notebook
// holds, a lab's links are followed, and to open a notebook is no change to it.
//
// JupyterLab loads prebuilt extensions by module federation: a script leaves a container with init and get under its
// package's name. This one is small enough to be written by hand. build/labextension.py calls the function below with
// LABS, the file of each lab by the lab's name, and writes the result as static/remoteEntry.<hash>.js.

(function (PACKAGE, LAB_MIME_TYPE, LABS) {
  const VIEW = "application/vnd.jupyter.widget-view+json";
  const FIRST = -20; // in a notebook, before the widget manager (-10): this one knows when to leave the output to it
  const ELSEWHERE = -5; // in consoles and files, after the widget manager; before HTML, pictures and text
  const PICTURES = { "image/png": 90, "image/svg+xml": 80 }; // with the ranks of JupyterLab's own
  const GONE = ["restarting", "autorestarting", "terminating", "dead"]; // what a kernel is whose models are lost
  const LOST_NOTE = "Its kernel has ended: this is not connected to Python until you run the cell again.";
  const REFUSAL = "This lab cannot be shown from what the notebook stores. Run the cell to see it.";
  const BOX_NOTE = "Run the cell to see these side by side, and what else was with them.";
  const NOT_YET = "The explanation opens when you have answered above.";
  const MOST = 20; // labs in one output
  const FROM_THE_KERNEL = ["language_info", "kernelspec"];
  const address = document.currentScript.src;
  let shared = {};

  function paragraph(text) {
    const node = document.createElement("p");
    node.textContent = text;
    node.style.cssText = "margin: 6px 0; font: 12px/1.4 system-ui, sans-serif; color: var(--jp-ui-font-color1)";
    return node;
  }

  // The notebook chooses among the names in LABS; no address is ever made of what it says.
  async function mountLab(el, data) {
    const lab = data?.lab;
    if (typeof lab !== "string" || !Object.hasOwn(LABS, lab)) return null;
    const { mount, note } = await import(new URL(LABS[lab], address).href);
    const unmount = mount(el, data.state);
    return unmount === null ? null : { unmount, note };
  }

  function makePlugin({ Signal }, { Widget, PanelLayout }, { IRenderMimeRegistry }, { INotebookTracker }) {
    // SVG as an image is inert: no script in it runs, and it asks for nothing. So this may draw it untrusted too.
    class DescribedPicture extends Widget {
      constructor(type) {
        super();
        this.type = type;
        this.addClass("jp-RenderedImage");
      }

      async renderModel({ data, metadata }) {
        const about = metadata[this.type] ?? {};
        const content = data[this.type];
        const picture = document.createElement("img");
        const isText = this.type === "image/svg+xml";
        picture.src = `data:${this.type}${isText ? `,${encodeURIComponent(content)}` : `;base64,${content}`}`;
        if (typeof about.alt === "string") picture.alt = about.alt;
        if (typeof about.width === "number") picture.width = about.width;
        if (typeof about.height === "number") picture.height = about.height;
        if (about.unconfined === true) picture.classList.add("jp-mod-unconfined");
        this.node.replaceChildren(picture);
      }
    }

    class OfflineLab extends Widget {
      constructor() {
        super();
        this.labs = [];
        this.addClass("pgc-offline");
      }

      async renderModel({ data }) {
        this.unmount();
        this.node.replaceChildren();
        const stored = data[LAB_MIME_TYPE];
        const several = Array.isArray(stored?.labs); // of a learner's own box with labs in it
        await Promise.all((several ? stored.labs.slice(0, MOST) : [stored]).map((one) => this.add(one)));
        if (several) this.node.append(paragraph(BOX_NOTE));
      }

      async add(stored) {
        const place = document.createElement("div");
        const el = document.createElement("div");
        place.append(el);
        this.node.append(place);
        let lab = null;
        try {
          lab = await mountLab(el, stored);
        } catch {
          el.replaceChildren(); // a lab that could not be loaded or drawn leaves no half of itself
        }
        if (this.isDisposed || place.parentNode !== this.node) return lab?.unmount(); // it has changed meanwhile
        if (lab !== null) this.labs.push(lab);
        place.append(paragraph(lab?.note ?? REFUSAL));
      }

      unmount() {
        for (const lab of this.labs.splice(0)) lab.unmount();
      }

      dispose() {
        this.unmount();
        super.dispose();
      }
    }

    // A notebook's widget manager, once there is one: it is made when the notebook has a kernel, and knows all
    // renderers that are made from then on. When a kernel is gone, its models stay in the page and are told to send
    // nothing more.
    class Models {
      constructor({ content: { rendermime }, context: { sessionContext } }) {
        Object.assign(this, { rendermime, sessionContext, manager: null, lost: new Signal(this) });
        sessionContext.statusChanged.connect((_, status) => GONE.includes(status) && this.lose());
        sessionContext.kernelChanged.connect((_, { oldValue }) => oldValue && this.lose());
        this.ready = this.find();
      }

      lose() {
        this.manager?.disconnect();
        this.lost.emit();
      }

      async find() {
        await this.sessionContext.ready;
        await new Promise((done) => setTimeout(done)); // what else waits for the kernel comes first
        if (!this.rendermime.getFactory(VIEW)) return;
        this.manager = await this.rendermime.createRenderer(VIEW)._manager.promise;
      }

      // The manager's renderer for an output whose model is there, else null.
      renderer({ trusted, data }) {
        return trusted && this.manager?.has_model(data[VIEW]?.model_id) ? this.rendermime.createRenderer(VIEW) : null;
      }

      // A model without a kernel comes from a notebook with stored widget state, which JupyterLab has a setting for.
      async isConnected({ data }) {
        return (await this.manager.get_model(data[VIEW].model_id)).comm_live;
      }
    }

    // An output of a notebook: at once the offline lab if need be, and the live one as soon as its model appears, as
    // after a reload beside a living kernel.
    class LabOutput extends Widget {
      constructor(models) {
        super();
        this.layout = new PanelLayout();
        Object.assign(this, { models, model: null, isLive: false, note: null });
        models.lost.connect(this.lose, this);
        models.ready.then(() => {
          if (this.isDisposed || !models.manager) return;
          models.manager.restored.connect(this.look, this);
          this.look();
        });
      }

      async renderModel(model) {
        this.note?.remove();
        Object.assign(this, { model, isLive: false, note: null });
        await (this.look() ?? this.show(new OfflineLab()));
      }

      look() {
        const live = this.model && !this.isLive ? this.models.renderer(this.model) : null;
        if (live === null) return null;
        this.isLive = true;
        const { model } = this;
        this.models.isConnected(model).then((isConnected) => isConnected || this.model !== model || this.lose());
        return this.show(live);
      }

      show(renderer) {
        for (const old of [...this.layout.widgets]) old.dispose();
        this.layout.addWidget(renderer);
        return renderer.renderModel(this.model);
      }

      // The model's kernel is gone. What the reader has done stays on the page and goes on there.
      lose() {
        if (!this.isLive || this.note !== null) return;
        this.note = paragraph(LOST_NOTE);
        this.node.append(this.note);
      }
    }

    // A kernel tells what it is whenever it starts. As long as it is the same one in another version, that is kept for
    // the next time something is saved, and no reason to save.
    function keepClean(model) {
      const setMetadata = model.setMetadata.bind(model);
      model.setMetadata = (key, value) => {
        const wasClean = !model.dirty;
        const name = FROM_THE_KERNEL.includes(key) ? model.getMetadata(key)?.name : undefined;
        setMetadata(key, value);
        if (wasClean && name !== undefined && name === value?.name) model.dirty = false;
      };
    }

    // JupyterLab looks for a heading before it has drawn the text of a notebook that it has just opened.
    async function scrollTo(panel, heading) {
      await Promise.all([panel.revealed, panel.context.ready]);
      const isIt = (line) => /^#+ /.test(line) && line.replace(/^#+ /, "").trim().replaceAll(" ", "-") === heading;
      const cell = panel.content.widgets.find(({ model }) =>
        model.type === "markdown" && model.sharedModel.getSource().split("\n").some(isIt));
      if (cell) await panel.content.scrollToCell(cell, "start");
    }

    // A lab's link leads to a notebook of this folder, as a tab beside it, or to a heading of its own notebook.
    function followLinks({ commands }, tracker) {
      document.addEventListener("click", async (event) => {
        const link = event.target.closest?.('.jp-Notebook .pgc-lab a[data-role="link"]');
        const path = tracker.currentWidget?.context.path;
        if (!link || path === undefined || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        const [notebook, heading] = decodeURIComponent(link.getAttribute("href")).split("#");
        const beside = path.slice(0, path.lastIndexOf("/") + 1) + notebook;
        const to = notebook === "" ? path : beside;
        await commands.execute("rendermime:handle-local-link", { path: to });
        const panel = heading && tracker.find(({ context }) => context.path === to);
        if (panel) await scrollTo(panel, heading);
      });
    }

    const answeredBy = ({ model }) => [model.getMetadata("answers") ?? []].flat();

    const askedIn = (notebook) => notebook.widgets.map(({ model }) =>
      /\bPredict\(["']\d\d-([a-z0-9-]+)["']\)/.exec(model.type === "code" ? model.sharedModel.getSource() : "")?.[1]);

    // A prediction is made (prediction.js): what answers it is to be seen, if it answers no other that is still open.
    const made = new WeakMap();
    function unfold(notebook, prediction) {
      const done = made.get(notebook) ?? new Set();
      made.set(notebook, done.add(prediction));
      const others = askedIn(notebook).filter((name) => !done.has(name));
      for (const cell of notebook.widgets) {
        const answered = answeredBy(cell);
        if (!answered.includes(prediction)) continue;
        const open = answered.filter((name) => name !== prediction);
        if (cell.model.type === "markdown" && open.length > 0) cell.model.setMetadata("answers", open);
        else if (cell.model.type === "markdown") cell.model.deleteMetadata("answers");
        else if (answered.some((name) => others.includes(name))) continue;
        else if (cell.placeholder) cell.model.deleteMetadata("collapsed"); // it is not drawn yet
        else cell.outputHidden = false;
      }
      holdBack(notebook);
    }

    // A text that explains what came is not shown as long as a cell of the notebook asks for a prediction of it.
    function holdBack(notebook) {
      const asked = askedIn(notebook);
      let before = false; // of several in a row the first says so
      for (const cell of notebook.widgets) {
        const waits = cell.model.type === "markdown" && answeredBy(cell).some((name) => asked.includes(name));
        cell.node.classList.toggle("pgc-waiting", waits);
        cell.node.classList.toggle("pgc-waiting-too", waits && before);
        before = waits;
      }
    }

    // On a narrow page JupyterLab breaks printed lines anywhere, in the middle of numbers too, and cuts what stands for
    // a folded cell beside the room of its number, which is above.
    const STYLE = document.createElement("style");
    STYLE.textContent = `@media (max-width: 640px) {
      .jp-OutputArea-output :is(pre, code) { word-break: normal; overflow-wrap: anywhere }
      .jp-RenderedMarkdown :is(pre, pre code) { white-space: pre; overflow-x: auto; overflow-wrap: normal }
      .jp-RenderedMarkdown blockquote { margin: 0; padding-left: 6px }
      .jp-RenderedMarkdown :is(td, th) { padding: 4px }
      .jp-RenderedMarkdown td code { white-space: normal; overflow-wrap: anywhere }
      .jp-RenderedMarkdown mjx-container[display="true"] {
        font-size: 85% !important; overflow-x: auto; overflow-y: hidden }
      .jp-Placeholder-prompt { display: none } .jp-PlaceholderText { white-space: normal } }
      .pgc-waiting .jp-MarkdownOutput > * { display: none }
      .pgc-waiting .jp-MarkdownOutput::before { content: "${NOT_YET}"; font-style: italic }
      .pgc-waiting-too .jp-MarkdownOutput::before { content: none }`;

    const factory = (type, createRenderer) => ({ safe: true, mimeTypes: [type], createRenderer });
    return {
      id: `${PACKAGE}:outputs`,
      description: "Shows the course's labs in every state of a notebook.",
      autoStart: true,
      requires: [IRenderMimeRegistry, INotebookTracker],
      activate(app, registry, tracker) {
        document.head.append(STYLE);
        for (const [type, rank] of Object.entries(PICTURES)) {
          registry.addFactory(factory(type, () => new DescribedPicture(type)), rank);
        }
        registry.addFactory(factory(LAB_MIME_TYPE, () => new OfflineLab()), ELSEWHERE);
        const add = (panel) => {
          const models = new Models(panel);
          panel.content.rendermime.addFactory(factory(LAB_MIME_TYPE, () => new LabOutput(models)), FIRST);
          keepClean(panel.context.model);
          const notebook = panel.content;
          notebook.node.addEventListener("pgc-predicted", ({ detail }) => unfold(notebook, detail));
          notebook.modelContentChanged.connect(holdBack);
          panel.context.ready.then(() => panel.isDisposed || holdBack(notebook));
        };
        tracker.widgetAdded.connect((_, panel) => add(panel));
        tracker.forEach(add);
        followLinks(app, tracker);
      },
    };
  }

  // What JupyterLab shares, by package and version: one version, unless another extension brings its own.
  async function sharedModule(name) {
    const versions = Object.values(shared[name] ?? {});
    const factory = await (versions.find((version) => version.loaded) ?? versions[0]).get();
    return factory();
  }

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB[PACKAGE] = {
    init(scope) {
      shared = scope;
    },
    async get(module) {
      if (module !== "./extension") throw new Error(`${PACKAGE} has no module ${module}`);
      const needed = ["@lumino/signaling", "@lumino/widgets", "@jupyterlab/rendermime", "@jupyterlab/notebook"];
      const plugin = makePlugin(...(await Promise.all(needed.map(sharedModule))));
      return () => ({ __esModule: true, default: plugin });
    },
  };
})
