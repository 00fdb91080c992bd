#!/usr/bin/env python3
"""The apt entry for Debian 12's backports is derived from whatever form the machine's own entry has,
and the list of packages says which version of libraft counts as installed."""
import os
import shutil
import subprocess
import tempfile
import unittest

SETUP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "setup.sh")


class SetupTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="setup-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def bash(self, script, *arguments):
        path = f"{self.folder}:{os.environ['PATH']}"
        return subprocess.run(["bash", "-euc", f'source "$0"; {script}', SETUP, *arguments],
                              capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": path})

    def derive(self, *files):
        return self.bash('setup_derive_backports bookworm "$@"', *files)

    def test_deb822_keeps_place_and_keys(self):
        source = self.write("debian.sources", (
            "# how it was made\n"
            "Types: deb\n"
            "URIs: https://mirror.example/security\n"
            "Suites: bookworm-security\n"
            "Components: main\n"
            "\n"
            "Types: deb deb-src\n"
            "# a remark inside\n"
            "URIs: https://mirror.example/debian\n"
            "Suites: bookworm bookworm-updates\n"
            "Components: main contrib\n"
            "Signed-By:\n"
            " -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
            " .\n"
            " abc\n"))
        run = self.derive(os.path.join(self.folder, "absent.list"), source)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stdout, (
            "sources\n"
            "Types: deb\n"
            "Suites: bookworm-backports\n"
            "Components: main\n"
            "URIs: https://mirror.example/debian\n"
            "Signed-By:\n"
            " -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
            " .\n"
            " abc\n"))

    def test_one_line_keeps_place_and_options(self):
        source = self.write("sources.list", (
            "# deb http://commented.example/debian bookworm main\n"
            "deb-src http://source.example/debian bookworm main\n"
            "deb http://mirror.example/debian bookworm-updates main\n"
            "deb [arch=amd64 signed-by=/usr/share/k.gpg] http://mirror.example/debian bookworm "
            "contrib main # ours\n"))
        run = self.derive(source)
        self.assertEqual(run.stdout, (
            "list\n"
            "deb [arch=amd64 signed-by=/usr/share/k.gpg] http://mirror.example/debian "
            "bookworm-backports main\n"))

    def test_disabled_and_foreign_entries_are_no_model(self):
        disabled = self.write("off.sources", (
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n"
            "Enabled: no\n"))
        foreign = self.write("other.list", "deb http://other.example/apt stable main\n")
        run = self.derive(disabled, foreign)
        self.assertNotEqual(run.returncode, 0)
        self.assertEqual(run.stdout, "")

    def missing(self, raft_version):
        self.write("dpkg-query", (
            "#!/bin/sh\n"
            "for name in gcc libc6-dev binutils cmake ninja-build pkg-config python3 liburing-dev "
            "libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libssl-dev libjansson-dev; do\n"
            '    echo "ii $name 1.0"\n'
            "done\n"
            "echo 'rc librdkafka-dev 2.0'\n"
            f"echo 'ii libraft-dev {raft_version}'\n"
            "exit 1\n"))
        return self.bash("setup_missing build").stdout.split()

    def test_missing_packages(self):
        self.assertEqual(self.missing("0.22.1-1~bpo12+1"), ["librdkafka-dev"])
        self.assertEqual(self.missing("0.22.1-2"), ["librdkafka-dev"])

    def test_wrong_version_of_libraft_is_missing(self):
        self.assertEqual(self.missing("0.15.0-1"), ["libraft-dev", "librdkafka-dev"])
        self.assertEqual(self.missing("0.22.10-1"), ["libraft-dev", "librdkafka-dev"])


if __name__ == "__main__":
    unittest.main()
