"""The real servers: what is installed for each, how it is started, and the provider that a user writes for it.

What they can do stands here as data, so that the tests ask of each what it has and hold the gateway to saying what
it has not. Nothing is started here.
"""

from dataclasses import dataclass
from pathlib import Path
from string import Template

from gateway.codec.json import JSONObject
from tests.upstreams.toml import one_provider

MODELS = Path(__file__).parent / "models"
"""Working directory of every server, so that a model's id is no path of this machine."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server and what it is known to do.

    Args:
        name: of its environment, its provider, and its column in the results.
        title: what people call it.
        distribution: the package whose version counts.
        steps: what pip installs, one run each.
        command: below the environment's `bin`, with `$port`.
        block: the `[[providers]]` table of the configuration, with `$port`.
        model: its id at the server.
        parses_calls: whether the model's tool calls arrive as such, and not as text.
        forces: the forms of `tool_choice` that it obeys.
        enforces_json: whether an answer can be held to JSON.
        counts: whether a stream has usage.
        context: tokens that fit where it refuses more, or none where it just goes on.
        is_native: whether it speaks the Responses API too.
    """

    name: str
    title: str
    distribution: str
    steps: tuple[tuple[str, ...], ...]
    command: tuple[str, ...]
    block: str
    model: str = "./tiny-parrot"
    parses_calls: bool = True
    forces: tuple[str, ...] = ()
    enforces_json: bool = False
    counts: bool = True
    context: int | None = None
    is_native: bool = False

    def provider(self, port: int) -> JSONObject:
        """Its table for the configuration."""
        return one_provider(Template(self.block).substitute(port=port))


TRANSFORMERS = Server(
    name="transformers",
    title="transformers serve",
    distribution="transformers",
    # Installed first, so that the build without CUDA is kept where there is one.
    steps=(("torch==2.13.0",), ("torch==2.13.0", "transformers[serving]==5.23.0")),
    command=(
        *("transformers", "serve", "./tiny-parrot", "--host", "127.0.0.1", "--port", "$port"),
        *("--device", "cpu", "--dtype", "float32"),
    ),
    block="""
[[providers]]
name = "transformers"
base_url = "http://127.0.0.1:$port/v1"
dialect = "transformers"

[providers.quirks]
images = "none"  # this model cannot see, and the server does not say so
""",
    is_native=True,
)

MLX = Server(
    name="mlx",
    title="mlx-lm",
    distribution="mlx-lm",
    steps=(("mlx[cpu]==0.32.4", "mlx-lm==0.32.2"),),
    command=("python", "-m", "mlx_lm", "server", "--model", "./tiny-parrot", "--host", "127.0.0.1", "--port", "$port"),
    block="""
[[providers]]
name = "mlx"
base_url = "http://127.0.0.1:$port/v1"
dialect = "mlx"
""",
    model="default_model",
)

LLAMA = Server(
    name="llama_cpp_python",
    title="llama-cpp-python",
    distribution="llama-cpp-python",
    steps=(("llama-cpp-python[server]==0.3.36",),),
    command=(
        *("python", "-m", "llama_cpp.server", "--model", "tiny-parrot.gguf", "--model_alias", "tiny-parrot"),
        *("--host", "127.0.0.1", "--port", "$port", "--n_ctx", "2048", "--n_threads", "1"),
    ),
    block="""
[[providers]]
name = "llama_cpp_python"
base_url = "http://127.0.0.1:$port/v1"
dialect = "llama_cpp_python"
max_concurrency = 1  # a second request would break off the first
""",
    model="tiny-parrot",
    parses_calls=False,
    forces=("named",),
    enforces_json=True,
    counts=False,
    context=2048,
)

SERVERS = (TRANSFORMERS, MLX, LLAMA)
