"""What MkDocs calls: adds the generated pages to those in ``pages/``."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from dualnet import catalogue
from dualnet.site import generate
from dualnet.site.notebooks import read

__all__ = ["on_files"]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the navigation."""
    root = Path(config.config_file_path).parents[2]
    concepts = tuple(map(catalogue.concept, config.extra["concepts"])) or catalogue.concepts()
    names = config.extra["modules"] or generate.modules(root)
    modules = {f"api/{name}.md": generate.reference(name) for name in names}
    pages: dict[str, str | bytes] = {
        "index.md": generate.home(concepts, root),
        "differences.md": generate.differences(concepts),
        "rosetta.md": generate.rosetta(),
        "assets/panes.css": (root / "dualnet" / "panes.css").read_text(),
        **generate.concept_pages(concepts, root),
        **generate.pictures(concepts, root),
        **modules,
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    for notebook in filter(None, (read(concept, root) for concept in concepts)):
        files.append(File.generated(config, notebook.path.as_posix(), abs_src_path=str(root / notebook.path)))
    config.nav = generate.navigation(concepts, config.nav or [], modules)
    return files
