"""A training in Python that knows nothing of torchtape; argument: steps."""
import sys

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(int(sys.argv[1])):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(net(torch.randn(4, 8)), torch.randn(4, 2))
    loss.backward()
    optimizer.step()
print(loss.item().hex())
