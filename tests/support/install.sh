# Sourced by examples/quickstart and tests/check, in the project's root: gets
# what a build needs. Asks what is there first, so that a second run needs
# neither network nor root.

build_packages=(g++ cmake ninja-build ccache python3
  protobuf-compiler libprotobuf-dev libabsl-dev libzstd-dev zlib1g-dev
  nlohmann-json3-dev libcli11-dev libdw-dev libgraphviz-dev esbuild)
test_packages=(git clang-format libgtest-dev libgmock-dev libbenchmark-dev
  python3-zstandard nodejs node-typescript chromium
  fonts-dejavu-core)

torch_wheel='torch==2.13.0+cpu'
torch_wheel_folder=build/libtorch

# With the seconds since the script began.
say() { printf '\n=== %s [%d s]\n' "$*" "$SECONDS"; }

# Whether CMake will find a LibTorch other than the system's.
has_libtorch() {
  [[ ${Torch_DIR:-}${Torch_ROOT:-}${CMAKE_PREFIX_PATH:-} || -e $torch_wheel_folder ]] ||
    python3 -c 'import importlib.util as u, sys; sys.exit(u.find_spec("torch") is None)' 2>/dev/null
}

# install PACKAGE...: those of these Debian packages that are missing. Without
# root it says what root must do, and ends.
install() {
  command -v dpkg-query >/dev/null || return 0  # not Debian: CMake will tell
  local package missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    echo "As root, run: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  say "installing ${missing[*]}"
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# install_all PACKAGE...: these, and LibTorch unless there is one: the wheel, or
# else Debian's package.
install_all() {
  local pip=()
  has_libtorch || python3 -m pip --version >/dev/null 2>&1 || pip=(python3-pip)
  install "$@" "${pip[@]}"
  ! has_libtorch || return 0
  say "installing LibTorch ($torch_wheel) into $torch_wheel_folder"
  rm -rf "$torch_wheel_folder.part"
  if python3 -m pip install --no-deps --target "$torch_wheel_folder.part" "$torch_wheel"; then
    mv "$torch_wheel_folder.part" "$torch_wheel_folder"
  else
    say "pip finds no $torch_wheel: taking Debian's LibTorch"
    install libtorch-dev
  fi
}

# What Python needs beside the wheel to import it, for tests that train in
# Python.
install_torch_python() {
  [[ -e $torch_wheel_folder/torch/__init__.py ]] || return 0
  ! PYTHONPATH=$torch_wheel_folder python3 -c 'import typing_extensions, mpmath, sympy' 2>/dev/null ||
    return 0
  say "installing what Python needs to import torch into $torch_wheel_folder"
  python3 -m pip install --no-deps --target "$torch_wheel_folder" typing_extensions mpmath sympy
}
