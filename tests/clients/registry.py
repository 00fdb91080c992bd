"""The clients that tests/clients/run knows. They come from their languages' registries by name and
stay in a cache folder: TAILRACE_CLIENTS, by default ~/.cache/tailrace-clients. Needs python3 with
venv, npm with node, mvn with java, go, and kcat.
"""
import os
import pathlib
import subprocess
import sys

from features import Skip

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("TAILRACE_CLIENTS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tailrace-clients")


def set_up(words, folder=None):
    print("set-up:", " ".join(map(str, words)), file=sys.stderr)
    subprocess.run([str(w) for w in words], cwd=folder, check=True, stdout=sys.stderr)


def python_with(name, *packages):
    """The interpreter of a virtual environment that has the packages."""
    folder = CACHE / name
    if not (folder / ".complete").exists():
        set_up([sys.executable, "-m", "venv", "--clear", folder])
        set_up([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check",
                *packages])
        (folder / ".complete").touch()
    return folder / "bin" / "python"


CODECS = ("python-snappy", "lz4", "zstandard")


def kafka_python_old():
    return [python_with("kafka-python-2.0.2", "kafka-python==2.0.2", *CODECS),
            HERE / "kafka_python.py"]


def kafka_python_new():
    return [python_with("kafka-python", "kafka-python", *CODECS), HERE / "kafka_python.py"]


def aiokafka():
    return [python_with("aiokafka", "aiokafka", *CODECS), HERE / "kafka_aio.py"]


def confluent_kafka():
    return [python_with("confluent-kafka", "confluent-kafka"), HERE / "confluent.py"]


def kcat():
    return [kafka_python_new()[0], HERE / "kcat.py"]


def node_with(name, package):
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / package).exists():
        set_up(["npm", "install", "--silent", "--prefix", folder, package])
    return ["env", f"NODE_PATH={folder / 'node_modules'}", "node"]


def kafkajs():
    return [*node_with("kafkajs", "kafkajs"), HERE / "kafkajs.js"]


def platformatic():
    return [*node_with("platformatic", "@platformatic/kafka"), HERE / "platformatic.js"]


def go_client(*words):
    """One program holds the clients of Go; its words say which of them is meant, and whether a
    member of a living group is."""
    def command():
        folder = CACHE / "go"
        folder.mkdir(parents=True, exist_ok=True)
        set_up(["go", "build", "-o", folder / "clients", "."], HERE / "go")
        return [folder / "clients", *words]
    return command


def java():
    folder, pom = CACHE / "java", (HERE / "pom.xml").read_text()
    mark = folder / ".complete"
    if not mark.exists() or mark.read_text() != pom:
        set_up(["mvn", "-q", "-B", "-f", HERE / "pom.xml", "dependency:copy-dependencies",
                f"-DoutputDirectory={folder}", "-DincludeScope=runtime"])
        mark.write_text(pom)
    return [kafka_python_new()[0], HERE / "java_console.py", folder]


def member_of(make, program):
    """The command of a client's member of a living group (life_history.py), which is another
    program of the same interpreter and its packages."""
    return lambda: [*make()[:-1], HERE / program]


def java_member():
    return [sys.executable, HERE / "life_wrapper.py", "java", java()[-1]]


def kcat_member():
    return [sys.executable, HERE / "life_wrapper.py", "kcat"]


# The lives that a client's members can lead, and the protocol they speak in them; or why they cannot.
CLASSIC = {"group life": "classic"}
BOTH = {**CLASSIC, "new group life": "consumer"}
ALL = {**BOTH, "group upgrade": None}

# name: (what makes the command of a member, its lives)
LIVES = {
    "kafka-python 2.0.2": (member_of(kafka_python_old, "life_kafka_python.py"), CLASSIC),
    "kafka-python newest": (member_of(kafka_python_new, "life_kafka_python.py"), CLASSIC),
    "aiokafka": (member_of(aiokafka, "life_aiokafka.py"), CLASSIC),
    "confluent-kafka": (member_of(confluent_kafka, "life_confluent.py"), ALL),
    "kcat": (kcat_member, CLASSIC),
    "kafkajs": (member_of(kafkajs, "life_kafkajs.js"), CLASSIC),
    "@platformatic/kafka": (member_of(platformatic, "life_platformatic.js"), {**BOTH,
        "group upgrade": Skip("its subscription is not in the form that its version says, so "
                              "Kafka does not take the group over either")}),
    "franz-go": (go_client("franz-go", "member"), ALL),
    "sarama": (go_client("sarama", "member"), CLASSIC),
    "kafka-go": (go_client("kafka-go", "member"), CLASSIC),
    "Java console": (java_member, ALL),
}

# name: (what makes its command, the programs that this needs)
CLIENTS = {
    "kafka-python 2.0.2": (kafka_python_old, ()),
    "kafka-python newest": (kafka_python_new, ()),
    "aiokafka": (aiokafka, ()),
    "confluent-kafka": (confluent_kafka, ()),
    "kcat": (kcat, ("kcat",)),
    "kafkajs": (kafkajs, ("npm", "node")),
    "@platformatic/kafka": (platformatic, ("npm", "node")),
    "franz-go": (go_client("franz-go"), ("go",)),
    "sarama": (go_client("sarama"), ("go",)),
    "kafka-go": (go_client("kafka-go"), ("go",)),
    "Java console": (java, ("mvn", "java")),
}
