"""Reading the configuration file into `Settings`: TOML, references to the environment, and every check.

`loading` puts together what the others do: `reading` makes structs of tables, `values` and `relations` check what is in
them, and `problems` has the words. All problems of a file are found in one go, each with the path of the key that it is
about. No value is repeated in a message, because any of them may be a secret. What can be configured is in
`gateway.settings`.
"""

from gateway.configuration.loading import document_of, from_document, from_environment, keys_file, listener, load
from gateway.configuration.problems import ConfigurationError

__all__ = ["ConfigurationError", "document_of", "from_document", "from_environment", "keys_file", "listener", "load"]
