// JupyterLab's door to the labs of an untrusted notebook: it draws LAB_MIME_TYPE, which carries plain data, with code
// from the installed package alone. That is why its renderer may call itself safe; the widget manager's may not,
// for a widget's state carries its own code. A second renderer gives pictures their alt text, which JupyterLab's own
// leaves in the notebook.
//
// JupyterLab loads prebuilt extensions by module federation: a script leaves a container with init and get under its
// package's name. This one is small enough to be written by hand. build/labextension.py calls the function below with
// LABS, the file of each lab by the lab's name, and writes the result as static/remoteEntry.<hash>.js.

(function (PACKAGE, LAB_MIME_TYPE, LABS) {
  const RANK = -5; // after the live widget (-10), which trusted notebooks show; before HTML, pictures and text
  const OFFLINE_NOTE = "This lab is not connected to Python until you run the cell.";
  const PICTURE = "image/png";
  const PICTURE_RANK = 90; // that of JupyterLab's own
  const REFUSAL = "This lab cannot be shown from what the notebook stores. Run the cell to see it.";
  const address = document.currentScript.src;
  let shared = {};

  function paragraph(text) {
    const node = document.createElement("p");
    node.textContent = text;
    node.style.cssText = "margin: 6px 0; font: 12px/1.4 system-ui, sans-serif; color: var(--jp-ui-font-color1, inherit)";
    return node;
  }

  // The notebook chooses among the names in LABS; no address is ever made of what it says.
  async function mountLab(el, data) {
    const lab = data?.lab;
    if (typeof lab !== "string" || !Object.hasOwn(LABS, lab)) return null;
    const { mount } = await import(new URL(LABS[lab], address).href);
    return mount(el, data.state);
  }

  function makeExtensions({ Widget }) {
    class DescribedPicture extends Widget {
      constructor() {
        super();
        this.addClass("jp-RenderedImage");
      }

      async renderModel({ data, metadata }) {
        const about = metadata[PICTURE] ?? {};
        const picture = document.createElement("img");
        picture.src = `data:${PICTURE};base64,${data[PICTURE]}`;
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
        this.addClass("pgc-offline");
      }

      async renderModel(mimeModel) {
        this.unmount?.();
        const el = document.createElement("div");
        this.node.replaceChildren(el);
        let unmount = null;
        try {
          unmount = await mountLab(el, mimeModel.data[LAB_MIME_TYPE]);
        } catch {
          el.replaceChildren(); // a lab that could not be loaded or drawn leaves no half of itself
        }
        if (this.isDisposed || el.parentNode !== this.node) return unmount?.(); // the output has changed meanwhile
        this.unmount = unmount;
        this.node.append(paragraph(unmount === null ? REFUSAL : OFFLINE_NOTE));
      }

      dispose() {
        this.unmount?.();
        this.unmount = null;
        super.dispose();
      }
    }

    return [
      {
        id: `${PACKAGE}:lab`,
        description: "Shows the course's labs before any cell has run.",
        rank: RANK,
        rendererFactory: { safe: true, mimeTypes: [LAB_MIME_TYPE], createRenderer: () => new OfflineLab() },
      },
      {
        id: `${PACKAGE}:picture`,
        description: "Gives pictures the alt text that their notebook holds.",
        rank: PICTURE_RANK,
        rendererFactory: { safe: true, mimeTypes: [PICTURE], createRenderer: () => new DescribedPicture() },
      },
    ];
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
      if (module !== "./mimeExtension") throw new Error(`${PACKAGE} has no module ${module}`);
      const extensions = makeExtensions(await sharedModule("@lumino/widgets"));
      return () => ({ __esModule: true, default: extensions });
    },
  };
})
