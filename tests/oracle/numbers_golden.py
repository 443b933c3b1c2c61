"""Goldens as plain text: one line "name count" followed by one line of numbers, exact to the bit
(17 digits). Lines that start with # are for people."""
import numpy as np


class Numbers:
    def __init__(self, path, *modules):
        import platform
        self.path = path
        self.lines = ["# written by tests/oracle/" + path.rsplit("/", 1)[-1].replace(".txt", ".py"),
                      "# python " + platform.python_version() +
                      "".join(f", {m.__name__} {m.__version__}" for m in modules)]

    def add(self, name, values):
        values = np.ravel(np.asarray(values))
        self.lines.append(f"{name} {values.size}")
        if np.issubdtype(values.dtype, np.floating):
            self.lines.append(" ".join("%.17g" % v for v in values))
        else:
            self.lines.append(" ".join(str(int(v)) for v in values))

    def write(self):
        with open(self.path, "w") as file:
            file.write("\n".join(self.lines) + "\n")
