"""A notice board with a login: a session is a row in a SQLite file, and a role says what its user may do.

Start it with `webipc dev main.py`, and log in as ada, an editor, or as bob, a reader; their passwords are their names.
The file is `login.sqlite3` in this folder, or the path in `LOGIN_FILE`.
"""

import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import scrypt, sha256
from pathlib import Path
from typing import Annotated

from fastapi import BackgroundTasks, Cookie, Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import ForeignKey, create_engine, delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from webipc import IpcMain, IpcMainInvokeEvent, IpcRouter

HERE = Path(__file__).parent
engine = create_engine(f"sqlite:///{os.environ.get('LOGIN_FILE', HERE / 'login.sqlite3')}")


class Base(DeclarativeBase):
    """Of the tables."""


class Account(Base):
    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    salt: Mapped[bytes]
    password: Mapped[bytes]


class Login(Base):
    """A session. The file has the digest of its cookie: with a copy of the file nobody can log in."""

    __tablename__ = "login"
    digest: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    account: Mapped[Account] = relationship()


class Notice(Base):
    __tablename__ = "notice"
    id: Mapped[int] = mapped_column(primary_key=True)
    author: Mapped[str]
    text: Mapped[str]


def hashed(password: str, salt: bytes) -> bytes:
    return scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def digest_of(cookie: str | None) -> str:
    return sha256((cookie or "").encode()).hexdigest()


def get_db() -> Iterator[Session]:
    with Session(engine) as db:
        yield db
        db.commit()


Db = Annotated[Session, Depends(get_db)]
SessionCookie = Annotated[str | None, Cookie(alias="session")]


@dataclass(frozen=True)
class User:
    """Who is calling. No row of the database: handlers read it long after the session that has loaded it."""

    id: int
    name: str
    role: str


def current_user(db: Db, cookie: SessionCookie = None) -> User:
    """Return the user of a session: for routes, and for each socket of a page."""
    login = db.get(Login, digest_of(cookie))
    if login is None:
        raise HTTPException(401, "log in first")
    return User(login.account.id, login.account.name, login.account.role)


Me = Annotated[User, Depends(current_user)]


def editors_only(user: Me) -> None:
    if user.role != "editor":
        raise HTTPException(403, "only editors may change the board")


class Credentials(BaseModel):
    name: str
    password: str


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
app = FastAPI(title="Notice board")
ipc_main = IpcMain(authenticate=current_user)
changes = IpcRouter(prefix="notices:", dependencies=[Depends(editors_only)])
turn = threading.Lock()


@app.post("/login", status_code=204)
def log_in(credentials: Credentials, response: Response, db: Db) -> None:
    account = db.scalar(select(Account).where(Account.name == credentials.name))
    # Hashed for an unknown name too: the time of the answer does not tell which names there are.
    password = hashed(credentials.password, account.salt if account else b"")
    if account is None or not secrets.compare_digest(password, account.password):
        raise HTTPException(401, "wrong name or password")
    cookie = secrets.token_urlsafe()
    db.add(Login(digest=digest_of(cookie), account=account))
    # FastAPI closes get_db behind the response, and the page connects as soon as it has that.
    db.commit()
    # Behind https: secure=True.
    response.set_cookie("session", cookie, httponly=True, samesite="lax")


@app.post("/logout", status_code=204)
def log_out(response: Response, tasks: BackgroundTasks, db: Db, user: Me, cookie: SessionCookie = None) -> None:
    db.execute(delete(Login).where(Login.digest == digest_of(cookie)))
    db.commit()
    response.delete_cookie("session")
    # Asks every page of this user again: those of this session are refused, those of other sessions go on.
    tasks.add_task(ipc_main.reauthenticate, user=user.id)


@ipc_main.handle("me")
async def me(event: IpcMainInvokeEvent, user: Me) -> User:
    return user


@ipc_main.handle("notices")
def notices(event: IpcMainInvokeEvent, db: Db) -> list[dict[str, str | int]]:
    return [{"id": row.id, "author": row.author, "text": row.text} for row in db.scalars(select(Notice))]


@changes.handle("add")
def add(event: IpcMainInvokeEvent, text: Text, user: Me, db: Db) -> None:
    db.add(Notice(author=user.name, text=text))
    changed(event, db)


@changes.handle("remove")
def remove(event: IpcMainInvokeEvent, notice: int, db: Db) -> None:
    db.execute(delete(Notice).where(Notice.id == notice))
    changed(event, db)


def changed(event: IpcMainInvokeEvent, db: Session) -> None:
    # Committed before a page hears of it; and no page gets an older list after a newer one.
    with turn:
        db.commit()
        ipc_main.broadcast("notices", notices(event, db))


Base.metadata.create_all(engine)
with Session(engine) as first, first.begin():
    if first.scalar(select(Account)) is None:
        for name, role in {"ada": "editor", "bob": "reader"}.items():
            salt = secrets.token_bytes(16)
            first.add(Account(name=name, role=role, salt=salt, password=hashed(name, salt)))

ipc_main.include_router(changes)
ipc_main.mount(app, pages=HERE / "web")
