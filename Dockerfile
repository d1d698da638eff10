# One image for every part of xpledger; the command says which part it is. See docker-compose.yml.

# The rules and the judge are compiled where a C compiler is, and the compiler stays behind.
FROM python:3.13-trixie AS compiled

WORKDIR /srv/xpledger
COPY requirements-dev.lock /tmp/
RUN pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes \
        -r /tmp/requirements-dev.lock
COPY . .
RUN python tools/compile.py --required

FROM python:3.13-slim-trixie

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# First what rarely changes, so that a changed source file costs no new installation.
COPY requirements.lock /tmp/
RUN pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes \
        -r /tmp/requirements.lock \
    && rm /tmp/requirements.lock

# xpledger runs from its directory, before anything of the same name in site-packages.
ENV PYTHONPATH=/srv/xpledger
WORKDIR /srv/xpledger
COPY --from=compiled /srv/xpledger/.compiled .
COPY examples examples
COPY pyproject.toml .
RUN printf '#!/bin/sh\nexec python -P -m ops "$@"\n' > /usr/local/bin/xp \
    && chmod 755 /usr/local/bin/xp \
    && python -m compileall -q . \
    && useradd --system --uid 10001 --no-create-home xp \
    && install -d -o xp -g xp /var/lib/xpledger

USER xp
ENV XP_DATA_DIR=/var/lib/xpledger XP_HOST=0.0.0.0 XP_LOG_FORMAT=json
VOLUME /var/lib/xpledger
EXPOSE 8000
CMD ["xp", "--help"]
